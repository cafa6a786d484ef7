package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** What a build may do on its branch: only the main one moves traffic; any other works in a site of its own, removed after it. */
class Branch implements Serializable {
    private static final long serialVersionUID = 1L
    private static final int LONGEST_LABEL = 40

    private final Object steps

    Branch(Object steps) { this.steps = steps }

    /** A job without branches counts as the main one, as do main and master where Jenkins cannot tell. */
    boolean main() {
        if (steps.env.CHANGE_ID) { return false }
        return !steps.env.BRANCH_NAME || steps.env.BRANCH_IS_PRIMARY == 'true' || steps.env.BRANCH_NAME in ['main', 'master']
    }

    /** The name of the branch's own site; empty on the main branch. */
    String site() {
        if (main()) { return '' }
        return steps.env.CHANGE_ID ? 'pr-' + steps.env.CHANGE_ID : label('branch-' + steps.env.BRANCH_NAME)
    }

    /** Those of the stages that may run here; what is left out is said in one line. */
    List<String> allowed(List<String> stages) {
        if (main() || !stages.contains('promote')) { return stages }
        steps.echo('legion-ci: not on the main branch, so without promote, and in a site of its own: ' + site())
        return stages - 'promote'
    }

    /** What legion.yaml gets so that a stage works in the branch's site. */
    Map settings(Map arguments) {
        String site = site()
        if (!site) { return arguments }
        return arguments + [set: with(arguments.set, site)]
    }

    @NonCPS
    private static Object with(Object set, String site) {
        return set instanceof List ? (List) set + ["site.branch=${site}".toString()] : (Map) (set ?: [:]) + ['site.branch': site]
    }

    /** A name in small letters, digits and dashes; two long ones stay two. */
    @NonCPS
    static String label(String name) {
        String safe = name.toLowerCase(Locale.ROOT).replaceAll('[^a-z0-9]+', '-').replaceAll('-+$', '')
        return safe == name && safe.length() <= LONGEST_LABEL ? safe : safe.take(LONGEST_LABEL) + '-' + Integer.toHexString(name.hashCode())
    }
}
