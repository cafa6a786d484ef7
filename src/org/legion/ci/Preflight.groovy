package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** Asks the controller for every step that the pipeline will want, before the first stage: tells all that is missing at once. */
class Preflight implements Serializable {
    private static final long serialVersionUID = 1L

    /** A step to its plug-in and what there is without it. */
    static final Map<String, List<String>> OPTIONAL = [
        lock: ['lockable-resources', 'two builds may promote at the same time'],
        milestone: ['pipeline-milestone-step', 'an older build may promote after a newer'],
        junit: ['junit', 'its files are archived'],
        publishHTML: ['htmlpublisher', 'its files are archived'],
        recordIssues: ['warnings-ng', 'its file, issues.json, is archived'],
        perfReport: ['performance', 'its file, perf.jtl, is archived'],
        publishChecks: ['checks-api', 'the summary is archived, and no pull request is told'],
        addInfoBadge: ['badge', 'the verdict is in the description, and badge.svg is archived'],
    ]
    private static final Map<String, String> ALWAYS = [checkout: 'workflow-scm-step', stash: 'workflow-basic-steps', timeout: 'workflow-basic-steps']
    private static final Map<String, List<String>> WHERE_WANTED = [
        credentials: ['withCredentials', 'credentials-binding'], approve: ['input', 'pipeline-input-step'],
        kubernetes: ['podTemplate', 'kubernetes'],
    ]

    private final Object steps
    private final Map arguments

    Preflight(Object steps, Map arguments) {
        this.steps = steps
        this.arguments = arguments
    }

    /** The optional steps that are not there, each told in one line. A required one that is missing ends the build. */
    List<String> missing() {
        List<String> lacking = []
        Map<String, String> needed = required(arguments)
        for (String name in needed.keySet()) {
            if (!new OptionalStep(steps, name).there()) { lacking.add(name + ' (plug-in ' + needed[name] + ')') }
        }
        if (arguments.agent instanceof Map && arguments.agent.docker && !hasDocker()) { lacking.add('docker (plug-in docker-workflow)') }
        if (lacking) { steps.error('legion-ci: this Jenkins lacks what the pipeline needs: ' + lacking.join(', ') + '; install it') }
        List<String> without = []
        for (String name in OPTIONAL.keySet()) {
            OptionalStep step = new OptionalStep(steps, name)
            if (!step.there()) {
                step.tell()
                without.add(name)
            }
        }
        return without
    }

    @NonCPS
    private static Map<String, String> required(Map arguments) {
        Map<String, String> needed = new LinkedHashMap<>(ALWAYS)
        Map wanted = arguments.agent instanceof Map ? arguments + (Map) arguments.agent : arguments
        for (Map.Entry<String, List<String>> one : WHERE_WANTED.entrySet()) {
            if (wanted[one.key]) { needed[one.value[0]] = one.value[1] }
        }
        return needed
    }

    private boolean hasDocker() {
        try {
            return steps.docker != null
        } catch (MissingPropertyException error) {
            return false
        }
    }
}
