import org.legion.ci.Task

/** Task `rollback`; see legionRollback.txt. */
Map<String, String> call(Map arguments = [:]) {
    return new Task(this, 'rollback').run(arguments)
}
