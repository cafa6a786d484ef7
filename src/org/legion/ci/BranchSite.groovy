package org.legion.ci

/** The site of a branch's own: removed when its build has ended, and by the next one, in case an earlier build could not. */
class BranchSite implements Serializable {
    private static final long serialVersionUID = 1L

    private final Object steps
    private final String name
    private final Map arguments

    BranchSite(Object steps, String name, Map arguments) {
        this.steps = steps
        this.name = name
        this.arguments = arguments
    }

    /** Remove it, where there is one. That it cannot be removed is said, and decides nothing. */
    void remove() {
        if (!name) { return }
        int code = new Agent(steps, arguments.settings).call('branch.remove', arguments)
        if (code != 0) { steps.echo("legion-ci: the site ${name} could not be removed: ${Colour.meaning(code)}") }
    }
}
