package org.legion.ci

/** Runs one stage and gives the build its colour; decides nothing else. */
class Stage implements Serializable {
    private static final long serialVersionUID = 1L

    private final Object steps
    private final String name
    private int code = 0

    Stage(Object steps, String name) {
        this.steps = steps
        this.name = name
    }

    /** Run the stage. Returns the run's facts; FAIL and errors end the build, INCONCLUSIVE makes it unstable. */
    Map<String, String> run(Map arguments) {
        Map<String, String> facts = ask(arguments)
        tell(facts)
        return facts
    }

    /** Run the stage without a colour yet. Returns the run's facts. */
    Map<String, String> ask(Map arguments, String option = '') {
        String wrong = Arguments.problems('legion' + name.capitalize(), arguments)
        if (wrong) { steps.error(wrong) }
        Agent agent = new Agent(steps, arguments.settings)
        code = agent.call("${name} ${option}".trim(), arguments)
        return agent.facts()
    }

    /** The colour of what `ask` has brought. */
    void tell(Map<String, String> facts) {
        Colour colour = Colour.of(name, code, facts)
        // error() alone would make an interrupted build red; a result never gets better, so it stays what is set here.
        if (colour.result in ['UNSTABLE', 'ABORTED']) { steps.currentBuild.result = colour.result }
        if (colour.result in ['FAILURE', 'ABORTED']) { steps.error(colour.message) }
        steps.echo('legion-ci: ' + colour.message)
    }

    /** Whether `ask` ended with a verdict that more data may change. */
    boolean inconclusive() { return code == 10 }
}
