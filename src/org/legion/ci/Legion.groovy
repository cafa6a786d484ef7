package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** The functions of Legion's library over our stages: for Jenkinsfiles that were written for it. */
class Legion implements Serializable {
    private static final long serialVersionUID = 1L
    private static final String FILE = 'legion.yaml'
    private static final String PLAIN_PYTHON = 'python:3.12'
    private static final List<String> WITHOUT_MEANING = ['livenesstimeout', 'readinesstimeout', 'modelIamRole']

    private final Object steps

    Legion(Object steps) { this.steps = steps }

    /** Run a body in a pod of its own, in the namespace that the job's parameter Enclave names. */
    void pod(Map arguments, Closure body) {
        check('legion.pod', arguments)
        Map wanted = [yaml: template([image: image()] + arguments)]
        if (steps.params.Enclave) { wanted.namespace = steps.params.Enclave }
        steps.podTemplate(wanted) {
            steps.node(steps.env.POD_LABEL) { steps.container('model') { body() } }
        }
    }

    /** The folder of the model: ROOT_DIR, the workspace, or the only folder below it with a legion.yaml. */
    String rootDir() {
        if (steps.env.ROOT_DIR) { return steps.env.ROOT_DIR }
        if (steps.fileExists(FILE)) { return '.' }
        String found = steps.sh(returnStdout: true, label: 'look for legion.yaml', script: "find . -name ${FILE} -not -path '*/.*' | sort")
        List<String> files = found.readLines().findAll()
        if (files.size() != 1) {
            steps.error("legion.rootDir: there are ${files.size()} files legion.yaml in this workspace (${files.join(', ')}); set ROOT_DIR to the folder of the model")
        }
        return Text.parent(files[0]).replaceAll('/$', '')
    }

    /** Train by a notebook; a page of it is archived with the report. */
    Map<String, String> runNotebook(String notebook) { return stage('train', ['train.use': 'notebook', 'train.notebook': notebook]) }

    /** Train by a script; unlike Legion's, one that fails fails the build. */
    Map<String, String> runScript(String script) { return stage('train', ['train.use': 'script', 'train.script': script]) }

    /** The name of the trained model. */
    String modelId() { return known('legion.modelId', 'model.name') }

    /** The version of the trained model in the registry, which no two models share. */
    String modelVersion() { return known('legion.modelVersion', 'model.version') }

    /** Where the trained model is. */
    String modelFileName() { return known('legion.modelFileName', 'artefact.uri') }

    /** Judge the model, then package it. Sets EXTERNAL_IMAGE_NAME where the package is an image. */
    Map<String, String> build(Map arguments) {
        check('legion.build', arguments)
        stage('quality', [:], arguments)
        Map<String, String> facts = stage('package', [:])
        if (facts['image.reference']) { steps.env.EXTERNAL_IMAGE_NAME = facts['image.reference'] }
        return facts
    }

    /** Deploy beside the live model, at no share of the traffic; that there were no tests is for runTests to judge. */
    Map<String, String> deploy(Map arguments) {
        check('legion.deploy', arguments)
        for (String name in WITHOUT_MEANING) {
            if (arguments.containsKey(name)) { steps.echo("legion.deploy: ${name} has no meaning here: see the page on moving from Legion") }
        }
        Stage stage = new Stage(steps, 'deploy')
        Map<String, String> facts = stage.ask(given(asked(arguments), arguments))
        if (facts['deploy.reason'] != 'no_tests' || !stage.inconclusive()) { stage.tell(facts) }
        return facts
    }

    /** Run the tests of the folder tests against the deployment; a failing one fails the build, and the deployment goes. */
    Map<String, String> runTests(Map arguments) {
        check('legion.runTests', arguments)
        Map<String, String> facts = [:]
        try {
            facts = (Map<String, String>) steps.withEnv(['MODEL_ID=' + modelId(), 'MODEL_VERSION=' + modelVersion()]) {
                stage('deploy', ['deploy.tests': 'tests'], arguments)
            }
        } finally {
            report('deploy')
        }
        return facts
    }

    /** Load the deployment by a locustfile of the folder performance, as the job's parameters say, and judge its budgets. */
    Map<String, String> runPerformanceTests(String script) {
        try {
            return stage('perf', load(script, steps.params))
        } finally {
            report('perf')
        }
    }

    private Map<String, String> stage(String name, Map set, Map arguments = [:]) {
        return new Stage(steps, name).run(given(set, arguments))
    }

    private Map given(Map set, Map arguments) {
        Map told = [:]
        Map settings = settings()
        if (settings) { told.putAll(settings) }
        if (set) { told.set = set }
        if (arguments.first != null) { told.first = arguments.first }
        return told
    }

    private Map settings() {
        String root = rootDir()
        return root == '.' ? [:] : [settings: root + '/' + FILE]
    }

    private void report(String stage) { new Report(steps, settings().settings).part(settings(), stage) }

    private String known(String function, String fact) {
        String value = new Agent(steps, settings().settings).facts()[fact]
        if (!value) { steps.error("${function}: no model has been trained in this build; call runNotebook or runScript first") }
        return value
    }

    private void check(String function, Map arguments) {
        String wrong = Arguments.problems(function, arguments)
        if (wrong) { steps.error(wrong) }
    }

    private String image() {
        String repository = steps.env.LEGION_BASE_IMAGE_REPOSITORY
        return repository ? "${repository}:${steps.env.LEGION_BASE_IMAGE_TAG ?: 'latest'}".toString() : PLAIN_PYTHON
    }

    /** What Legion's parameters of a deployment are called in legion.yaml. */
    @NonCPS
    private static Map asked(Map arguments) {
        Map names = [count: 'deploy.workers', deploytimeout: 'deploy.ready_timeout']
        return names.findAll { arguments[it.key] != null }.collectEntries { [(it.value): arguments[it.key]] }
    }

    /** What the parameters of Legion's performance jobs are called in legion.yaml. */
    @NonCPS
    private static Map load(String script, Map parameters) {
        Map names = [testUsers: 'perf.users', testHatchRate: 'perf.hatch_rate', testRequestsCount: 'perf.requests_count', host: 'perf.host']
        Map set = ['perf.locustfile': 'performance/' + script]
        return set + names.findAll { parameters[it.key] }.collectEntries { [(it.value): parameters[it.key]] }
    }

    /** The pod: one container, named model, that waits; no engine's socket is mounted, since no image needs one. */
    @NonCPS
    private static String template(Map wanted) {
        String cpu = wanted.cpu ?: '330m'
        String ram = wanted.ram ?: wanted.memory ?: '4Gi'
        List<String> role = wanted.iamRole ? ['metadata:', '  annotations:', "    iam.amazonaws.com/role: ${yaml(wanted.iamRole)}".toString()] : []
        List<String> lines = ['apiVersion: v1', 'kind: Pod'] + role + ['spec:', '  containers:', '    - name: model',
            "      image: ${yaml(wanted.image)}".toString(), "      command: ['sleep']", "      args: ['infinity']", '      resources:',
            "        requests: {cpu: ${yaml(cpu)}, memory: ${yaml(ram)}}".toString(), "        limits: {memory: ${yaml(ram)}}".toString()]
        return lines.join('\n') + '\n'
    }

    @NonCPS
    private static String yaml(Object text) { return "'" + text.toString().replace("'", "''") + "'" }
}
