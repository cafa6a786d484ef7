package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** Looks at a promotion, one build at a time, and knows how long a build may wait for the next look. */
class Promotion implements Serializable {
    private static final long serialVersionUID = 1L

    private final Object steps

    Promotion(Object steps) { this.steps = steps }

    /** Look once, never an older build after a newer one. A promotion that holds has no colour yet while the build may wait for it. */
    Map<String, String> look(Map arguments, int waitedS) {
        Map<String, String> facts = [:]
        String model = new Agent(steps, arguments.settings).facts()['model.name'] ?: steps.env.JOB_NAME ?: 'model'
        new OptionalStep(steps, 'lock').around(resource: 'legion-promote-' + model, inversePrecedence: true) {
            new OptionalStep(steps, 'milestone').call(label: 'promote ' + model)
            Stage stage = new Stage(steps, 'promote')
            facts = stage.ask(arguments, '--once')
            if (!stage.inconclusive() || pauseS(facts, waitedS) == 0) { stage.tell(facts) }
        }
        return facts
    }

    /** Seconds until a promotion that holds is looked at again; 0 when nothing waits, or the build has waited promote.in_build long. */
    @NonCPS
    static int pauseS(Map<String, String> facts, int waitedS) {
        if (facts['promote.verdict'] != 'INCONCLUSIVE' || !facts['promote.next_look_at']) { return 0 }
        int pause = Math.max(1, seconds(facts['promote.look_every_s']))
        return waitedS + pause <= seconds(facts['promote.in_build_s']) ? pause : 0
    }

    @NonCPS
    private static int seconds(String fact) { return fact ? fact as int : 0 }
}
