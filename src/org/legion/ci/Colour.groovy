package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** What an exit code and the record's verdict mean for a build. A gate's colour needs both to agree. */
class Colour implements Serializable {
    private static final long serialVersionUID = 1L

    private static final Map<Integer, String> VERDICTS = [0: 'PASS', 1: 'FAIL', 10: 'INCONCLUSIVE']
    private static final Map<Integer, String> ERRORS = [
        2: 'configuration or usage is wrong', 3: 'stages out of order, or an artefact out of reach',
        4: 'a plug-in or extra is missing', 5: 'a tool failed', 6: 'a service could not be reached',
        70: 'a bug in legion-ci', 130: 'interrupted', 143: 'terminated',
    ]

    final String result
    final String message

    Colour(String result, String message) {
        this.result = result
        this.message = message
    }

    /** The colour of a stage that ended with that code and left these facts. */
    @NonCPS
    static Colour of(String stage, int code, Map<String, String> facts) {
        String verdict = facts["${stage}.verdict".toString()]
        String summary = facts["${stage}.summary".toString()] ?: ''
        if (!VERDICTS.containsKey(code)) {
            String meaning = ERRORS[code] ?: 'an exit code that legion-ci does not have'
            return new Colour(code in [130, 143] ? 'ABORTED' : 'FAILURE', "${stage}: ${meaning} (exit code ${code}), see above".toString())
        }
        if (VERDICTS[code] != verdict) {
            return new Colour('FAILURE', "${stage}: exit code ${code} without a record that says ${VERDICTS[code]} (it says ${verdict}): a bug in legion-ci".toString())
        }
        String colour = [0: 'SUCCESS', 1: 'FAILURE', 10: 'UNSTABLE'][code]
        return new Colour(colour, "${stage}: ${verdict}${summary ? ': ' + summary : ''}".toString())
    }
}
