package org.legion.ci

/** Runs one stage and gives the build its colour; decides nothing else. */
class Stage implements Serializable {
    private static final long serialVersionUID = 1L

    private final def steps
    private final String name

    Stage(steps, String name) {
        this.steps = steps
        this.name = name
    }

    /** Run the stage. Returns its facts; a FAIL or an error ends the build, INCONCLUSIVE makes it unstable. */
    Map<String, String> run(Map arguments) {
        Arguments.check("legion${name.capitalize()}", arguments, Arguments.known(name))
        Agent agent = new Agent(steps)
        int code = agent.call(name, Arguments.options(arguments))
        Map<String, String> facts = agent.facts()
        Colour colour = Colour.of(name, code, facts)
        steps.echo("legion-ci: ${colour.message}")
        if (colour.result == 'UNSTABLE') { steps.currentBuild.result = 'UNSTABLE' }
        if (colour.result == 'ABORTED') { steps.currentBuild.result = 'ABORTED' }
        if (colour.result in ['FAILURE', 'ABORTED']) { steps.error(colour.message) }
        return facts
    }
}
