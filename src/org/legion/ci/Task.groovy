package org.legion.ci

/** Runs a task that is no stage: it ends with 0, or the build ends. */
class Task implements Serializable {
    private static final long serialVersionUID = 1L

    private final Object steps
    private final String name

    Task(Object steps, String name) {
        this.steps = steps
        this.name = name
    }

    /** Run the task as the step that is named after it. Returns the run's facts. */
    Map<String, String> run(Map arguments) {
        String wrong = Arguments.problems('legion' + name.capitalize(), arguments)
        if (wrong) { steps.error(wrong) }
        return ask(arguments)
    }

    /** Run the task with arguments that have been checked. Returns the run's facts. */
    Map<String, String> ask(Map arguments, String option = '') {
        Agent agent = new Agent(steps, arguments.settings)
        int code = agent.call("${name} ${option}".trim(), arguments)
        if (code in [130, 143]) { steps.currentBuild.result = 'ABORTED' }
        if (code != 0) { steps.error("${name}: ${Colour.meaning(code)}") }
        return agent.facts()
    }
}
