package org.legion.ci

/** legion-ci on an agent: set up once, called by its full path, its run named after the build. */
class Agent implements Serializable {
    private static final long serialVersionUID = 1L
    private static final String RESOURCES = 'org/legion/ci/'
    private static final String SCRIPT = '.legion/bootstrap.sh'

    private final Object steps
    private final String folder

    /** settings: the configuration file of the model, whose folder holds its runs; default legion.yaml in the workspace. */
    Agent(Object steps, Object settings = null) {
        this.steps = steps
        this.folder = Text.parent(settings?.toString() ?: '')
    }

    /** The folder that holds legion-ci: LEGION_BIN, else made or found by the bootstrap script. */
    String bin() {
        if (steps.env.LEGION_BIN) { return steps.env.LEGION_BIN }
        if (!steps.isUnix()) { steps.error('legion-ci: this agent runs Windows, and stages need Linux or macOS; give agent: a label of such a machine') }
        String version = steps.libraryResource(RESOURCES + 'version').trim()
        steps.writeFile(file: SCRIPT, text: steps.libraryResource(RESOURCES + 'bootstrap.sh'))
        return Text.lastLine(steps.sh(returnStdout: true, label: "set up legion-ci ${version}", script: "sh ${SCRIPT} ${Text.quote(version)}"))
    }

    /** The id of this build's run. */
    String run() { return Text.runId(steps.env.LEGION_RUN ?: steps.env.BUILD_TAG ?: '') }

    /** The folder of this build's run, relative to the workspace. */
    String runFolder() { return folder + '.legion/runs/' + run() }

    /** Call a task; returns its exit code. */
    int call(String task, Map arguments) {
        String command = command(task, arguments)
        return (int) steps.withEnv(['LEGION_RUN=' + run()]) {
            steps.sh(returnStatus: true, label: 'legion-ci ' + task, script: command)
        }
    }

    /** Call a task that only tells something; returns what it prints. */
    String told(String task, Map arguments) {
        String command = command(task, arguments)
        return steps.sh(returnStdout: true, label: 'legion-ci ' + task, script: command).toString().trim()
    }

    private String command(String task, Map arguments) {
        return "${Text.quote(bin() + '/legion-ci')} ${task} ${Arguments.options(arguments)}".trim()
    }

    /** The facts that the run has left so far. */
    Map<String, String> facts() {
        String file = runFolder() + '/facts.properties'
        return steps.fileExists(file) ? Facts.parse(steps.readFile(file)) : [:]
    }
}
