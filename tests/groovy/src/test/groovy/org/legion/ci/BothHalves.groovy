package org.legion.ci

import groovy.json.JsonSlurper
import org.junit.After
import org.junit.Before
import org.junit.Test

import static org.junit.Assert.*

/** The library's call stack with a real shell behind `sh`; test_both_halves.py runs it, with -Dlegion.… saying where. */
class BothHalves extends LibraryTest {
    private static final List<String> STAGES = PipelineTest.ALL - 'report'
    private static final String LIGHT = "'perf.rate': 40, 'perf.duration': '6s', 'perf.warmup': '1s', 'perf.budgets': '[\"errors < 4%\"]'"
    Workspaces agents
    String site

    @Override @Before
    void setUp() throws Exception {
        super.setUp()
        Environment environment = (Environment) binding.getVariable('env')
        environment.BUILD_URL = 'https://jenkins.example.org/job/wine/7/'
        File root = new File(System.getProperty('legion.root'), System.nanoTime().toString())
        site = new File(root, 'site').path
        Map machine = [LEGION_DISTRIBUTION: 'environment:' + System.getProperty('legion.environment'), LEGION_CACHE: System.getProperty('legion.cache')]
        if (System.getProperty('legion.tracking')) { machine.LEGION__STORE__TRACKING_URI = System.getProperty('legion.tracking') }
        agents = new Workspaces(root, System.getProperty('legion.example'), environment, machine)
        helper.registerAllowedMethod('node', [String, Closure], { String label, Closure body -> agents.on(label) { helper.callClosure(body) } })
        helper.registerAllowedMethod('checkout', [Map], { Map scm -> agents.checkout() })
        helper.registerAllowedMethod('sh', [Map], { Map step -> agents.sh(step) })
        helper.registerAllowedMethod('fileExists', [String], { String path -> agents.file(path).exists() })
        helper.registerAllowedMethod('readFile', [String], { String path -> agents.file(path).text })
        helper.registerAllowedMethod('writeFile', [Map], { Map step -> agents.write(step) })
        helper.registerAllowedMethod('archiveArtifacts', [Map], { Map step -> agents.archive(step) })
        helper.registerAllowedMethod('stash', [Map], { Map step -> agents.stash(step) })
        helper.registerAllowedMethod('unstash', [String], { String name -> agents.unstash(name) })
        helper.registerAllowedMethod('junit', [Map], { Map step -> assertTrue(step.testResults, agents.matching(step.testResults).size() > 0) })
        helper.registerAllowedMethod('publishHTML', [Map], { Map step ->
            assertTrue agents.file("${step.target.reportDir}/${step.target.reportFiles}").file
        })
    }

    /** What the build started ends with the test. */
    @After void stop() {
        if (new File(site).directory) {
            agents.on('') { agents.sh(returnStatus: true, script: "'${System.getProperty('legion.environment')}/bin/legion-ci' undeploy --all --set 'site.path=${site}'".toString()) }
        }
    }

    private void next(int number) {
        Environment environment = (Environment) binding.getVariable('env')
        environment.BUILD_TAG = "jenkins-wine-${number}".toString()
        build = new Build()
        binding.setVariable('currentBuild', build)
    }

    @Test void aFirstModelGoesLiveASecondIsHeldAndNeitherAPullRequestNorATimerNorALookDisturbsThem() {
        String first = outcome("legionPipeline(first: true, set: ['site.path': '${site}', ${LIGHT}])")
        assertEquals error?.message, 'SUCCESS', first
        assertTrue build.description, build.description ==~ /wine \S+: train PASS, quality PASS, package PASS, deploy PASS, perf PASS, promote PASS/
        for (String stage in STAGES) { assertTrue stage, agents.archived.contains(".legion/runs/jenkins-wine-7/${stage}.json".toString()) }
        next(8)
        String second = outcome("legionPipeline(set: ['site.path': '${site}', 'train.parameters.C': 0.1, ${LIGHT}])")
        assertEquals "${error?.message} ${build.description}".toString(), 'UNSTABLE', second
        assertTrue build.description, build.description.endsWith('promote INCONCLUSIVE')
        assertNull error
        String routes = new File(site, 'routes.json').text
        aPullRequestIsJudgedBesideThem()
        aTimersBuildSeesThePromotionThatGoesOn()
        assertEquals 'nobody but a look may touch the routes', routes, new File(site, 'routes.json').text
        aLookFromAFreshWorkspaceTakesTheRunThatWaits()
    }

    private void aPullRequestIsJudgedBesideThem() {
        next(9)
        Environment environment = (Environment) binding.getVariable('env')
        environment.CHANGE_ID = '12'
        List<String> told = []
        helper.registerAllowedMethod('publishChecks', [Map], { Map a -> told << a.conclusion.toString() })
        String request = outcome("legionPipeline(set: ['site.path': '${site}', 'train.parameters.C': 0.2, ${LIGHT}])")
        assertEquals "${error?.message} ${build.description}".toString(), 'SUCCESS', request
        assertEquals(['SUCCESS'], told)
        assertTrue build.description, build.description ==~ /wine \S+: train PASS, quality PASS, package PASS, deploy PASS, perf PASS/
        File run = new File(agents.root, 'agent/workspace/.legion/runs/jenkins-wine-9')
        Map quality = (Map) new JsonSlurper().parse(new File(run, 'quality.json'))
        assertNotNull 'it is held against the champion of the main site', quality.result.champion
        assertTrue new File(run, 'deploy.json').text.contains('site-branches/pr-12')
        assertEquals 'its site is gone, and so is what ran there', [], new File(site + '-branches').list() as List
        environment.CHANGE_ID = null
    }

    private void aTimersBuildSeesThePromotionThatGoesOn() {
        next(10)
        build.causes = [PipelineTest.TIMER]
        String timer = outcome("legionPipeline(manage: true, set: ['site.path': '${site}', 'schedule.cron': 'H 3 * * 1'])")
        assertEquals "${error?.message}".toString(), 'NOT_BUILT', timer
        assertTrue calls('properties').toString(), calls('properties')[-1].contains('cron(H 3 * * 1)')
        assertTrue build.description, build.description.contains('is going on, and a site runs one at a time')
    }

    private void aLookFromAFreshWorkspaceTakesTheRunThatWaits() {
        next(11)
        String look = outcome("node('other') { checkout scm; legionLook(set: ['site.path': '${site}']) }")
        assertEquals "${error?.message}".toString(), 'UNSTABLE', look
        assertTrue build.description, build.description.endsWith('promote INCONCLUSIVE')
        assertTrue agents.archived.toString(), new File(agents.root, 'other/workspace/.legion/runs/jenkins-wine-8/report/index.html').file
    }

    @Test void trainingAndJudgingOnTwoAgentsShareOnlyTheStashAndTheTrackingServer() {
        assertNotNull 'a tracking server', System.getProperty('legion.tracking')
        String pipeline = """
            node('a') { checkout scm; legionTrain(); stash(name: 'run', includes: '.legion/runs/**') }
            node('b') { checkout scm; unstash('run'); def facts = legionQuality(first: true, set: ['quality.checks': '[{metric: accuracy, min: 0.5}]']); echo facts['quality.verdict']
                        legionQuality(first: true, set: ['quality.checks': '[{metric: accuracy, max: 0.3}]']) }
        """
        String ended = outcome(pipeline)
        assertEquals "${error?.message}".toString(), 'FAILURE', ended
        assertTrue error.message, error.message.startsWith('quality: FAIL')
        assertTrue calls('echo').toString(), calls('echo').contains('echo(PASS)')
        assertTrue new File(agents.root, 'a/home').directory && new File(agents.root, 'b/home').directory
        agents.root.eachFileRecurse { if (it.name == 'train.json') { assertFalse it.path, it.text.contains('file:') } }
    }
}
