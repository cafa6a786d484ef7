import org.legion.ci.Task

/** Task `plan`; see legionPlan.txt. */
Map<String, String> call(Map arguments = [:]) {
    return new Task(this, 'plan').run(arguments)
}
