package org.legion.ci

/** Retraining that starts by itself: its times become the job's triggers; a build that a timer started asks whether it is due. */
class Schedule implements Serializable {
    private static final long serialVersionUID = 1L
    private static final String TIMER = 'hudson.triggers.TimerTrigger$TimerTriggerCause'

    private final Object steps
    private final Map arguments

    /** arguments: of legion-ci's tasks, settings and set. */
    Schedule(Object steps, Map arguments) {
        this.steps = steps
        this.arguments = arguments
    }

    /** Set the job's properties: one build at a time, and the timer that legion.yaml's schedule asks for. */
    void manage() {
        List wanted = [steps.disableConcurrentBuilds()]
        String times = new Agent(steps, arguments.settings).told('schedule.cron', arguments)
        if (times) { wanted.add(steps.pipelineTriggers([steps.cron(times)])) }
        steps.properties(wanted)
    }

    /** What keeps this build from running its stages, or nothing: only a build that a timer started is asked. */
    Map<String, String> refusal() {
        if (!steps.currentBuild.getBuildCauses(TIMER)) { return [:] }
        Map<String, String> facts = new Task(steps, 'schedule.due').ask(arguments, '--start')
        if (facts['schedule.due'] != 'false') { return [:] }
        String told = "no retraining: ${facts['schedule.why']}"
        steps.echo('legion-ci: ' + told)
        steps.currentBuild.description = told
        steps.currentBuild.result = 'NOT_BUILT'
        return facts
    }
}
