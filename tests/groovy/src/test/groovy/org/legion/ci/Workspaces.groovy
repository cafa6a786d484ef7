package org.legion.ci

import java.nio.file.FileSystems
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.StandardCopyOption

/** Stands for Jenkins' agents: each label is a machine root of its own, its steps work on real files and a real shell. */
class Workspaces {
    final File root
    final String repository          // copied into each workspace at checkout
    final Map<String, String> machine
    final List<String> shells = []
    final List<String> archived = []
    private final Environment environment
    private final List<String> where = ['controller']

    Workspaces(File root, String repository, Environment environment, Map<String, String> machine = [:]) {
        this.root = root
        this.repository = repository
        this.environment = environment
        this.machine = machine
    }

    /** The workspace of the agent that the build is on. */
    File workspace() { new File(root, "${where.last()}/workspace") }

    Object on(String label, Closure body) {
        where << (label ?: 'agent')
        new File(root, "${where.last()}/home").mkdirs()
        workspace().mkdirs()
        try { return body.call() } finally { where.removeAt(where.size() - 1) }
    }

    /** A fresh working copy, and nothing of an earlier build. */
    void checkout() {
        run("find . -mindepth 1 -delete && cp -R '${repository}/.' . && rm -rf .legion && git init -q && git add -A && git -c user.name=t -c user.email=t@example.org commit -qm wine".toString(), [:])
    }

    /** The sh step, really run. */
    Object sh(Map step) {
        shells << step.script
        println "[${where.last()}] \$ ${step.script}"
        Process process = process(step.script, environment.all())
        StringBuilder told = new StringBuilder()
        Thread errors = Thread.start { process.errorStream.eachLine { println it } }
        process.inputStream.eachLine { String line ->
            told << line << '\n'
            println line
        }
        int code = process.waitFor()
        errors.join()
        if (step.returnStatus) { return code }
        if (code != 0) { throw new IllegalStateException("script returned exit code ${code}") }
        return step.returnStdout ? told.toString() : null
    }

    private void run(String script, Map<String, String> more) {
        assert process(script, more).waitFor() == 0: script
    }

    private Process process(String script, Map<String, String> more) {
        ProcessBuilder builder = new ProcessBuilder('sh', '-c', script).directory(workspace())
        File home = new File(root, "${where.last()}/home")
        builder.environment().keySet().removeAll { it.startsWith('LEGION') || it.startsWith('XDG') }
        builder.environment().putAll([HOME: home.path, WORKSPACE: workspace().path] + machine + more)
        return builder.start()
    }

    File file(String path) { new File(workspace(), path) }

    void write(Map step) {
        file(step.file).parentFile.mkdirs()
        file(step.file).text = step.text
    }

    /** Files by comma-separated Ant patterns, relative to the workspace. */
    List<String> matching(String patterns) {
        Path base = workspace().toPath()
        List<String> found = []
        for (String pattern in patterns.split(',')*.trim()) {
            def matcher = FileSystems.default.getPathMatcher('glob:' + pattern)
            workspace().eachFileRecurse { File one ->
                Path relative = base.relativize(one.toPath())
                if (one.file && matcher.matches(relative)) { found << relative.toString() }
            }
        }
        return found.unique()
    }

    void archive(Map step) { archived.addAll(matching(step.artifacts)) }

    void stash(Map step) { copy(matching(step.includes), workspace(), new File(root, "stashes/${step.name}")) }

    void unstash(String name) {
        File stash = new File(root, "stashes/${name}")
        assert stash.directory: "no stash ${name}"
        List<String> all = []
        stash.eachFileRecurse { if (it.file) { all << stash.toPath().relativize(it.toPath()).toString() } }
        copy(all, stash, workspace())
    }

    private static void copy(List<String> paths, File from, File to) {
        for (String path in paths) {
            File target = new File(to, path)
            target.parentFile.mkdirs()
            Files.copy(new File(from, path).toPath(), target.toPath(), StandardCopyOption.REPLACE_EXISTING)
        }
    }
}
