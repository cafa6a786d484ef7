package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** A step of a plug-in that a controller may not have: called when it is there, told in one line when it is not. */
class OptionalStep implements Serializable {
    private static final long serialVersionUID = 1L

    private final Object steps
    private final String name
    private final String plugin

    OptionalStep(Object steps, String name, String plugin) {
        this.steps = steps
        this.name = name
        this.plugin = plugin
    }

    /** Call the step, whose own errors go on; when it is not there, say what there is instead. */
    void call(Map arguments, String instead = 'going on without it') {
        try {
            steps."$name"(arguments)
            return
        } catch (Throwable error) {
            if (!missing(error, name)) { throw error }
        }
        steps.echo("legion-ci: no step '${name}' (plug-in ${plugin}), ${instead}")
    }

    /** Run a body inside the step, or bare when the step is not there; a body that has begun is never run again. */
    void around(Map arguments, Closure body) {
        boolean begun = false
        try {
            steps."$name"(arguments) {
                begun = true
                body()
            }
            return
        } catch (Throwable error) {
            if (begun || !missing(error, name)) { throw error }
        }
        steps.echo("legion-ci: no step '${name}' (plug-in ${plugin}), going on without it")
        body()
    }

    /** Whether an error says that there is no such step: a controller and the test harness say it differently. */
    @NonCPS
    static boolean missing(Throwable error, String name) {
        String message = error.message ?: ''
        return error instanceof NoSuchMethodError && message.contains("No such DSL method '${name}'") ||
            error instanceof MissingMethodException && message.contains(".${name}()")
    }
}
