package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** A step of a plug-in that a controller may not have: called when it is there, told in one line when it is not. */
class OptionalStep implements Serializable {
    private static final long serialVersionUID = 1L

    private final Object steps
    private final String name

    OptionalStep(Object steps, String name) {
        this.steps = steps
        this.name = name
    }

    /** Whether there is such a step: every step refuses two unnamed arguments before it does anything. */
    boolean there() {
        try {
            steps."$name"('legion-ci', 'asks whether this step is there')
        } catch (InterruptedException stopped) {
            throw stopped
        } catch (Throwable refused) {
            return !missing(refused, name)
        }
        return true
    }

    /** Say what there is instead. */
    void tell() {
        List<String> about = Preflight.OPTIONAL[name]
        steps.echo("legion-ci: no step '${name}' (plug-in ${about[0]}): ${about[1]}")
    }

    /** Call the step, whose own errors go on; when it is not there, say so, unless preflight has said it. */
    void call(Map arguments) {
        if (known()) { return }
        try {
            steps."$name"(arguments)
            return
        } catch (Throwable error) {
            if (!missing(error, name)) { throw error }
        }
        tell()
    }

    /** Run a body inside the step, or bare when the step is not there; a body that has begun is never run again. */
    void around(Map arguments, Closure body) {
        boolean begun = false
        if (!known()) {
            try {
                steps."$name"(arguments) {
                    begun = true
                    body()
                }
                return
            } catch (Throwable error) {
                if (begun || !missing(error, name)) { throw error }
            }
            tell()
        }
        body()
    }

    /** Whether preflight has found it missing. */
    private boolean known() { return (steps.env.LEGION_WITHOUT ?: '').tokenize(',').contains(name) }

    /** Whether an error says that there is no such step: a controller and the test harness say it differently. */
    @NonCPS
    static boolean missing(Throwable error, String name) {
        String message = error.message ?: ''
        return error instanceof NoSuchMethodError && message.contains("No such DSL method '${name}'") ||
            error instanceof MissingMethodException && message.contains(".${name}()")
    }
}
