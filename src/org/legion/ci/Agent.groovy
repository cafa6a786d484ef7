package org.legion.ci

/** legion-ci on an agent: set up once, called by its full path, its run named after the build. */
class Agent implements Serializable {
    private static final long serialVersionUID = 1L
    private static final String RESOURCES = 'org/legion/ci/'

    private final def steps

    Agent(steps) { this.steps = steps }

    /** The folder that holds legion-ci; made (or found) by the bootstrap script unless LEGION_BIN names it. */
    String bin() {
        String known = steps.env.LEGION_BIN
        if (known) { return known }
        String version = steps.libraryResource(RESOURCES + 'version').trim()
        steps.writeFile(file: '.legion/bootstrap.sh', text: steps.libraryResource(RESOURCES + 'bootstrap.sh'))
        String told = steps.sh(returnStdout: true, label: 'set up legion-ci', script: "sh .legion/bootstrap.sh ${Text.quote(version)}")
        return Text.lastLine(told)
    }

    /** The id of this build's run. */
    String run() { return Text.safe(steps.env.LEGION_RUN ?: steps.env.BUILD_TAG ?: 'jenkins') }

    /** The folder of this build's run, relative to the workspace. */
    String runFolder() { return ".legion/runs/${run()}" }

    /** Call a task; returns its exit code. */
    int call(String task, String options) {
        String program = Text.quote(bin() + '/legion-ci')
        String command = "${program} ${task} ${options}".trim()
        int code = 70
        steps.withEnv(["LEGION_RUN=${run()}"]) {
            code = steps.sh(returnStatus: true, label: "legion-ci ${task}", script: command)
        }
        return code
    }

    /** The facts that the run has left so far. */
    Map<String, String> facts() {
        String file = "${runFolder()}/facts.properties"
        return steps.fileExists(file) ? Facts.parse(steps.readFile(file)) : [:]
    }
}
