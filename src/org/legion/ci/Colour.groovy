package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** What an exit code and the record's verdict mean for a build. The colour of a gate needs both to agree. */
class Colour implements Serializable {
    private static final long serialVersionUID = 1L

    private static final Map<Integer, String> VERDICTS = [0: 'PASS', 1: 'FAIL', 10: 'INCONCLUSIVE']
    private static final Map<Integer, String> OF_VERDICTS = [0: 'SUCCESS', 1: 'FAILURE', 10: 'UNSTABLE']
    private static final Map<Integer, String> OF_INTERRUPTIONS = [130: 'ABORTED', 143: 'ABORTED']
    private static final Map<Integer, String> MEANINGS = [
        2: 'the configuration is wrong', 3: 'a stage that this one needs has not run, or its artefact is out of reach',
        4: 'a plug-in or extra is missing or broken', 5: 'a tool failed', 6: 'a service could not be reached',
        70: 'a bug in legion-ci', 130: 'interrupted', 143: 'terminated',
    ]

    final String result
    final String message

    private Colour(String result, String message) {
        this.result = result
        this.message = message
    }

    /** The colour of a stage that ended with that code and left these facts. */
    @NonCPS
    static Colour of(String stage, int code, Map<String, String> facts) {
        if (!VERDICTS.containsKey(code)) {
            return new Colour(OF_INTERRUPTIONS[code] ?: 'FAILURE', "${stage}: ${meaning(code)}")
        }
        String verdict = facts[stage + '.verdict'] ?: 'none'
        if (VERDICTS[code] != verdict) {
            return new Colour('FAILURE', "${stage}: exit code ${code} needs the verdict ${VERDICTS[code]} in the record, " +
                "which has ${verdict}: a bug in legion-ci, please report it")
        }
        return new Colour(OF_VERDICTS[code], "${stage}: ${said(stage, facts)}")
    }

    /** An exit code that is no verdict, in words. */
    @NonCPS
    static String meaning(int code) {
        return "${MEANINGS[code] ?: 'not an exit code of legion-ci'} (exit code ${code}), the reason is in the log above"
    }

    @NonCPS
    private static String said(String stage, Map<String, String> facts) {
        String reason = facts[stage + '.reason'] ? " (${facts[stage + '.reason']})" : ''
        String summary = facts[stage + '.summary'] ? ": ${facts[stage + '.summary']}" : ''
        String next = facts[stage + '.next_look_at'] ? "; next look at ${facts[stage + '.next_look_at']}" : ''
        return facts[stage + '.verdict'] + reason + summary + next
    }
}
