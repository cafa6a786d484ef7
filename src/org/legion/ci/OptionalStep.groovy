package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** Steps of plug-ins that a controller may not have: called when they are there, said once when they are not. */
class OptionalStep implements Serializable {
    private static final long serialVersionUID = 1L

    private final def steps

    OptionalStep(steps) { this.steps = steps }

    /** Call a step; whether it was there. Its own errors go on. */
    boolean call(String name, Object argument, String plugin) {
        try {
            steps."$name"(argument)
            return true
        } catch (Throwable error) {
            if (!missing(error, name)) { throw error }
        }
        steps.echo("legion-ci: without the step '${name}' (plug-in ${plugin}); the files are archived all the same")
        return false
    }

    /** Run a body inside a step, or bare when the step is not there. A body that began is never run twice. */
    def around(String name, Map arguments, String plugin, Closure body) {
        boolean begun = false
        try {
            return steps."$name"(arguments) {
                begun = true
                body()
            }
        } catch (Throwable error) {
            if (begun || !missing(error, name)) { throw error }
        }
        steps.echo("legion-ci: without the step '${name}' (plug-in ${plugin})")
        return body()
    }

    /** Whether an error says that there is no such step: a controller and the test harness say it differently. */
    @NonCPS
    static boolean missing(Throwable error, String name) {
        String message = error.message ?: ''
        boolean controller = error instanceof NoSuchMethodError && message.contains("No such DSL method '${name}'")
        boolean groovy = error instanceof MissingMethodException && message.contains(".${name}()")
        return controller || groovy
    }
}
