package org.legion.ci

/** Looks again at a promotion that an earlier build has left waiting, whichever builds there were since. */
class Look implements Serializable {
    private static final long serialVersionUID = 1L

    private final Object steps

    Look(Object steps) { this.steps = steps }

    /** One look and its report; nothing is built where no promotion waits. Returns the facts of the waiting run. */
    Map<String, String> run(Map arguments) {
        String wrong = Arguments.problems('legionLook', arguments)
        if (wrong) { steps.error(wrong) }
        String run = new Agent(steps, arguments.settings).told('schedule.resume', arguments)
        if (!run) {
            steps.echo('legion-ci: no promotion waits for a look')
            steps.currentBuild.description = 'no promotion waits'
            steps.currentBuild.result = 'NOT_BUILT'
            return [:]
        }
        return (Map<String, String>) steps.withEnv(['LEGION_RUN=' + run]) { look(arguments) }
    }

    private Map<String, String> look(Map arguments) {
        boolean broken = true
        Map<String, String> facts = [:]
        try {
            facts = new Promotion(steps).look(arguments, Integer.MAX_VALUE / 2 as int)
            broken = false
        } finally {
            new Report(steps, arguments.settings).run(Arguments.only(arguments, 'legionReport'), [broken: broken])
        }
        return facts
    }
}
