package org.legion.ci

/** Asks a person before the traffic moves, with the evidence in the question; call it outside of node. */
class Approval implements Serializable {
    private static final long serialVersionUID = 1L
    private static final int DAYS = 7

    private final Object steps

    Approval(Object steps) { this.steps = steps }

    /** Wait for the answer; a refusal, or none in time, ends the build as aborted. */
    void ask(Object approve, Map<String, String> facts) {
        Map wanted = approve instanceof Map ? (Map) approve : [:]
        Map question = [message: 'Promote ' + Facts.describe(facts), ok: 'Promote']
        if (wanted.submitter) { question.submitter = wanted.submitter }
        steps.timeout(time: wanted.days ?: DAYS, unit: 'DAYS') { steps.input(question) }
    }
}
