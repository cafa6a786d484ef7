package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** Where stages run: a node by its label, a container there, or a pod; with the variables and secrets of the pipeline. */
class Place implements Serializable {
    private static final long serialVersionUID = 1L

    private final Object steps
    private final Map arguments

    Place(Object steps, Map arguments) {
        this.steps = steps
        this.arguments = arguments
    }

    /** Run a body on the agent. */
    void run(Closure body) {
        Object agent = arguments.agent
        Map wanted = agent instanceof Map ? (Map) agent : [label: agent ?: '']
        if (wanted.kubernetes) {
            steps.podTemplate(yaml: wanted.kubernetes) { steps.node(steps.env.POD_LABEL) { inEnvironment(body) } }
        } else if (wanted.docker) {
            steps.node(wanted.label ?: '') { steps.docker.image(wanted.docker).inside { inEnvironment(body) } }
        } else {
            steps.node(wanted.label ?: '') { inEnvironment(body) }
        }
    }

    /** The arguments for the next agent of a build: the same node where what was deployed is a process of that node. */
    @NonCPS
    static Map staying(Map arguments, Map<String, String> facts) {
        String node = facts['agent.node']
        Object agent = arguments.agent
        boolean pod = agent instanceof Map && ((Map) agent).kubernetes
        if (facts['deploy.use'] != 'local' || !node || pod) { return arguments }
        return arguments + [agent: agent instanceof Map ? (Map) agent + [label: node] : node]
    }

    private void inEnvironment(Closure body) {
        if (!arguments.environment) {
            inSecrets(body)
            return
        }
        List<String> variables = []
        for (String name in ((Map) arguments.environment).keySet()) { variables.add(name + '=' + arguments.environment[name]) }
        steps.withEnv(variables) { inSecrets(body) }
    }

    private void inSecrets(Closure body) {
        if (!arguments.credentials) {
            body()
            return
        }
        List bindings = []
        for (String name in ((Map) arguments.credentials).keySet()) {
            bindings.add(steps.string(variable: name, credentialsId: arguments.credentials[name].toString()))
        }
        steps.withCredentials(bindings) { body() }
    }
}
