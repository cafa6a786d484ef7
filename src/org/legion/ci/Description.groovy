package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** What every step is for and takes: checks their arguments, and makes their help and their page in the documentation. */
class Description implements Serializable {
    private static final long serialVersionUID = 1L

    static final List<String> STAGES = ['train', 'quality', 'package', 'deploy', 'perf', 'promote']

    private static final String YES_NO = 'true or false'
    private static final String NUMBER = 'a number above zero'
    private static final String MAP = 'a map'
    private static final String BESIDE = 'a map of a stage to a closure'
    private static final Map<String, List<String>> TASK = [
        settings: ['a text', 'the configuration file; default legion.yaml'],
        set: ["a map, or a list of 'KEY=VALUE'", 'settings for this call, like quality.alpha'],
    ]
    private static final Map<String, List<String>> FIRST = [
        first: [YES_NO, 'true for the first model, when there is no champion to compare with'],
    ]
    private static final Map<String, List<String>> PIPELINE = [
        config: ['a text', 'the configuration file; default legion.yaml'],
        set: TASK.set,
        first: FIRST.first,
        stages: ['a list of stages', 'some of train, quality, package, deploy, perf, promote, in this order; default all'],
        agent: ['a text or a map', "where it runs: a label; or [docker: IMAGE] (with label:); or [kubernetes: 'pod template in YAML']"],
        environment: [MAP, 'environment variables of every stage'],
        credentials: [MAP, 'environment variables that are secret: a variable to the id of a secret text in Jenkins; never printed'],
        before: [BESIDE, 'an extra stage before one of ours'],
        after: [BESIDE, 'an extra stage after one of ours, when that did not fail'],
        approve: ['true or a map', 'asks before promote, with no executor held; [submitter: WHO, days: HOW_LONG], default anybody and 7'],
        notify: ['a closure', 'called at the end, whatever happened, with the facts of the run'],
        manage: [YES_NO, 'true lets the library set the properties of the job on the main branch: one build at a time, and the times of schedule in legion.yaml'],
        timeoutMinutes: ['a number above zero', 'how long the stages of one agent may take together; default 720'],
    ]

    /** Each step: what it is for, and its arguments: what each is, and what it means. */
    static final Map<String, Map> STEPS = [
        legionPipeline: [about: 'The whole story: set-up, the stages in order, the report whatever happened. With nothing else it is right for most.',
                         takes: PIPELINE, example: "agent: 'models', environment: [TEAM: 'wine'], before: [deploy: { echo 'soon' }], approve: [submitter: 'reviewers']"],
        legionTrain: [about: 'Trains the model, logs and registers it in MLflow, and writes its artefact.', takes: TASK],
        legionQuality: [about: 'Judges the trained model: good enough, and not worse than the live one?', takes: TASK + FIRST],
        legionPackage: [about: 'Packages the trained model with its locked requirements and the model server.', takes: TASK],
        legionDeploy: [about: 'Runs the package beside the live model at 0 % of the traffic, and runs the acceptance tests.', takes: TASK + FIRST],
        legionPerf: [about: 'Loads the new deployment with Locust and holds it to its budgets.', takes: TASK],
        legionPromote: [about: 'Looks at the evidence and moves the traffic one step, holds, or rolls back: one build at a time (lock), never an older ' +
                               'build after a newer one (milestone).', takes: TASK + FIRST],
        legionLook: [about: 'Looks again at the promotion that an earlier build has left waiting, and reports; NOT_BUILT where none waits. For a job on a timer.',
                     takes: TASK],
        legionReport: [about: 'Writes the report of the run, archives it with the records, publishes it with junit and publishHTML, and describes the ' +
                              'build by model, version and verdicts.', takes: TASK],
        legionRollback: [about: 'Puts the previous champion back, or ends the running experiment, at once: it waits for no lock.', takes: TASK],
        legionStatus: [about: 'Shows in the log what should run, what runs, and who gets which share of the traffic.', takes: TASK],
        legionPlan: [about: 'Shows in the log the effective configuration, and where each value came from.', takes: TASK],
        legionModel: [about: 'Runs nothing; returns what is known of the model of this run: name, version, digest, uri, mlflowRun, commit, deployment, url.',
                      takes: [settings: TASK.settings]],
        legion: [about: 'The functions of Legion\'s own library over these stages, for Jenkinsfiles that were written for it: pod, rootDir, runNotebook, ' +
                        'runScript, modelId, modelVersion, modelFileName, build, deploy, runTests, runPerformanceTests.', takes: [:]],
        'legion.pod': [about: 'Runs a body in a pod of its own, in the namespace that the job\'s parameter Enclave names.', takes: [
            image: ['a text', 'of the container; default LEGION_BASE_IMAGE_REPOSITORY:LEGION_BASE_IMAGE_TAG, else python:3.12'],
            cpu: ['a text', 'what it asks for; default 330m'],
            ram: ['a text', 'what it asks for and may use; default 4Gi'],
            memory: ['a text', 'the same as ram, which examples of Legion call so'],
            iamRole: ['a text', 'put into the annotation iam.amazonaws.com/role; default none'],
        ]],
        'legion.build': [about: 'Judges the trained model (quality), then packages it.', takes: FIRST],
        'legion.deploy': [about: 'Deploys the package beside the live model at 0 % of the traffic.', takes: [
            count: [NUMBER, 'server processes (deploy.workers)'],
            deploytimeout: [NUMBER, 'seconds until it must be ready (deploy.ready_timeout)'],
            livenesstimeout: [NUMBER, 'without meaning: servers are watched by health checks'],
            readinesstimeout: [NUMBER, 'without meaning: see deploytimeout'],
            modelIamRole: ['a text', 'without meaning: servers run with the rights of the agent'],
        ] + FIRST],
        'legion.runTests': [about: 'Runs the tests of the folder tests against the deployment (deploy.tests) and publishes them.', takes: FIRST],
    ]

    /** What has a file in vars: each step, and the object with Legion's functions. */
    @NonCPS
    static List<String> files() { return STEPS.keySet().findAll { !it.contains('.') } as List<String> }

    /** The arguments of a step: the name to what it is and what it means. */
    @NonCPS
    static Map<String, List<String>> of(String step) { return (Map<String, List<String>>) STEPS[step].takes }

    /** The names of the arguments of a step. */
    @NonCPS
    static List<String> names(String step) { return of(step).keySet() as List<String> }

    /** The help of a step in Jenkins, vars/STEP.txt. */
    @NonCPS
    static String help(String step) {
        if (step == 'legion') { return legion() }
        int width = names(step)*.length().max() ?: 0
        List<String> lines = [step + ': ' + STEPS[step].about, '', 'Example:', '']
        lines.addAll(example(step).collect { '    ' + it })
        lines.addAll(['', names(step) ? 'Arguments, all optional:' : 'Takes no arguments.'])
        lines.addAll(of(step).collect { name, told -> "  ${name.padRight(width)}  ${told[1]} (${told[0]})".toString() })
        return lines.join('\n') + '\n'
    }

    @NonCPS
    private static String legion() {
        List<String> lines = ['legion: ' + STEPS.legion.about, '', 'Example:', '', "    @Library('legion-ci') _", "    legion.pod(ram: '4Gi') {",
                              '        checkout scm', "        legion.runNotebook('train.ipynb')", '        legion.build()', '        legion.deploy()',
                              '        legion.runTests()', '        legionPromote()', '    }']
        for (String one : STEPS.keySet().findAll { it.startsWith('legion.') }) {
            int width = names(one)*.length().max()
            lines.addAll(['', "${one}: ${STEPS[one].about} Arguments, all optional:".toString()])
            lines.addAll(of(one).collect { name, told -> "  ${name.padRight(width)}  ${told[1]} (${told[0]})".toString() })
        }
        return lines.join('\n') + '\n'
    }

    @NonCPS
    private static List<String> example(String step) {
        if (step == 'legionPipeline') { return ["@Library('legion-ci') _", "legionPipeline(${STEPS[step].example})".toString()] }
        String given = of(step).containsKey('set') ? "set: ['quality.alpha': 0.01]" : ''
        return ["node('models') {", '    checkout scm', "    echo \"\${${step}(${given})}\"".toString(), '}']
    }

    /** The step's section of docs/reference/steps.md. */
    @NonCPS
    static String section(String step) {
        List<String> lines = ["## `${step}`".toString(), STEPS[step].about, '']
        if (names(step)) { lines.addAll(['| argument | is | means |', '|---|---|---|']) }
        lines.addAll(of(step).collect { name, told -> "| `${name}` | ${told[0]} | ${told[1]} |".toString() })
        return lines.join('\n').trim() + '\n'
    }
}
