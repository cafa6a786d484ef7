package org.legion.ci

/** Stands for `env`, with what `withEnv` adds while its body runs. Jenkins keeps it outside of the program's state. */
class Environment implements Serializable {
    private static final long serialVersionUID = 1L
    static Environment current

    private Map<String, String> variables = [BUILD_TAG: 'jenkins-wine-7', JOB_NAME: 'wine', BUILD_NUMBER: '7']

    Object propertyMissing(String name) { variables[name] }

    void propertyMissing(String name, Object value) { variables[name] = value }

    Object with(List<String> assignments, Closure body) {
        Map<String, String> before = new HashMap(variables)
        assignments.each { String one -> variables[one.split('=', 2)[0]] = one.split('=', 2)[1] }
        try {
            return body.call()
        } finally {
            variables = before
        }
    }

    /** All variables, as a process sees them. */
    Map<String, String> all() { variables.collectEntries { k, v -> [k, v.toString()] } }

    private Object readResolve() { current }
}
