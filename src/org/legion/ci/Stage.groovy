package org.legion.ci

/** Runs one stage and gives the build its colour; decides nothing else. */
class Stage implements Serializable {
    private static final long serialVersionUID = 1L

    private final Object steps
    private final String name

    Stage(Object steps, String name) {
        this.steps = steps
        this.name = name
    }

    /** Run the stage. Returns the run's facts; FAIL and errors end the build, INCONCLUSIVE makes it unstable. */
    Map<String, String> run(Map arguments) {
        String wrong = Arguments.problems('legion' + name.capitalize(), arguments)
        if (wrong) { steps.error(wrong) }
        Agent agent = new Agent(steps)
        int code = agent.call(name, arguments)
        Map<String, String> facts = agent.facts()
        colour(Colour.of(name, code, facts))
        return facts
    }

    private void colour(Colour colour) {
        // error() alone would make an interrupted build red; a result never gets better, so it stays what is set here.
        if (colour.result in ['UNSTABLE', 'ABORTED']) { steps.currentBuild.result = colour.result }
        if (colour.result in ['FAILURE', 'ABORTED']) { steps.error(colour.message) }
        steps.echo('legion-ci: ' + colour.message)
    }
}
