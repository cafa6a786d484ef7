import org.legion.ci.Task

/** Task `status`; see legionStatus.txt. */
Map<String, String> call(Map arguments = [:]) {
    return new Task(this, 'status').run(arguments)
}
