package org.legion.ci

/** What a build may do on its branch: only the main branch moves traffic, and a pull request deploys nothing. */
class Branch implements Serializable {
    private static final long serialVersionUID = 1L
    private static final List<String> LIVE = ['deploy', 'perf', 'promote']

    private final Object steps

    Branch(Object steps) { this.steps = steps }

    /** A job without branches counts as the main one, as do main and master where Jenkins cannot tell. */
    boolean main() {
        if (steps.env.CHANGE_ID) { return false }
        return !steps.env.BRANCH_NAME || steps.env.BRANCH_IS_PRIMARY == 'true' || steps.env.BRANCH_NAME in ['main', 'master']
    }

    /** Those of the stages that may run here; what is left out is said in one line. */
    List<String> allowed(List<String> stages) {
        if (main()) { return stages }
        List<String> out = stages.intersect(LIVE)
        if (out) { steps.echo("legion-ci: not on the main branch, so without ${out.join(', ')}: they work on the site of the live model") }
        return stages - LIVE
    }
}
