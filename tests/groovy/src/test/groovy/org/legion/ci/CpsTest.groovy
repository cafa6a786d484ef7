package org.legion.ci

import org.junit.Before
import org.junit.Test

import static org.junit.Assert.*

/** The library through Jenkins' own interpreter, restarted at every step. */
class CpsTest {
    private static final List<String> STEPS =
        ['legionTrain', 'legionQuality', 'legionPackage', 'legionDeploy', 'legionPerf', 'legionPromote', 'legionReport',
         'legionRollback', 'legionStatus', 'legionPlan']

    CpsEngine engine
    PythonHalf python
    Build build

    @Before void setUp() {
        python = new PythonHalf()
        build = Build.current = new Build()
        Environment environment = Environment.current = new Environment()
        engine = new CpsEngine(LibraryTest.ROOT)
        engine.globals.putAll([scm: [:], params: [:], currentBuild: build, env: environment])
        for (String step in ['checkout', 'milestone', 'junit', 'publishHTML', 'archiveArtifacts', 'writeFile', 'echo', 'sleep', 'recordIssues', 'perfReport', 'publishChecks', 'addInfoBadge']) { engine.steps[step] = null }
        engine.steps.issues = { Map a -> a }
        engine.steps.isUnix = { true }
        engine.steps.disableConcurrentBuilds = { 'disableConcurrentBuilds' }
        for (String step in ['properties', 'pipelineTriggers', 'cron']) { engine.steps[step] = { Object given -> given.toString() } }
        for (String step in ['stash', 'unstash', 'input']) { engine.steps[step] = null }
        engine.steps.string = { Map a -> a }
        engine.steps.libraryResource = { String path -> new File(LibraryTest.ROOT, "resources/${path}").text }
        engine.steps.sh = { Map step -> python.sh(step) }
        engine.steps.fileExists = { String path -> python.hasFacts() && python.has(path) }
        engine.steps.readFile = { String path -> python.facts() }
        engine.steps.error = { String message -> throw new IllegalStateException(message) }
        for (String step in ['node', 'stage', 'timeout', 'lock', 'podTemplate', 'withCredentials', 'container']) { engine.bodySteps[step] = { List a, Closure body -> body() } }
        engine.bodySteps.withEnv = { List a, Closure body -> environment.with(a[0], body) }
    }

    private Throwable fault(String pipeline) {
        try { engine.run(pipeline) } catch (Throwable error) { return error }
        return null
    }

    private static int visits(List<String> log, String step) { log.count { it == step } }

    @Test void theWholePipelineSurvivesARestartAtEveryStep() {
        engine.run(new File(LibraryTest.ROOT, 'templates/Jenkinsfile').text)
        assertEquals PipelineTest.ALL, python.tasks()
        assertEquals engine.log.size(), engine.suspensions
        assertEquals 'one set-up, seven tasks', 8, visits(engine.log, 'sh')
        assertTrue build.description, build.description.startsWith('wine 3: train PASS, ')
    }

    @Test void everyStepAloneSurvivesAndReturnsTheFacts() {
        for (String step in STEPS) {
            setUp()
            engine.run("node('x') { legionTrain(); def facts = ${step}(set: ['a.b': 1]); if (facts['model.name'] != 'wine') { error('no facts') } }")
            assertEquals step, 2, python.commands.size()
        }
    }

    @Test void everyStepSurvivesAnErrorAndThrowsItOnce() {
        for (String stage in PipelineTest.ALL - 'report') {
            setUp()
            python.ending(stage, 143)
            Throwable error = fault("try { legion${stage.capitalize()}() } finally { legionReport() }")
            assertTrue error.toString(), error.message.startsWith("${stage}: terminated")
            assertEquals([stage, 'report'], python.tasks())
            assertEquals 'ABORTED', build.result
        }
    }

    @Test void anInconclusiveGateSurvives() {
        python.ending('quality', 10)
        engine.run('legionPipeline()')
        assertEquals 'UNSTABLE', build.result
        assertEquals PipelineTest.ALL, python.tasks()
    }

    @Test void aFailingGateReportsAndFails() {
        python.ending('quality', 1)
        assertEquals 'quality: FAIL: the summary of quality', fault('legionPipeline()').message
        assertEquals(['train', 'quality', 'report'], python.tasks())
    }

    @Test void anUnknownArgumentIsToldBeforeAnyOtherStep() {
        assertTrue fault("legionPipeline(agnt: 'x')").message.contains("there is no argument 'agnt'")
        assertEquals(['error'], engine.log)
    }

    @Test void missingOptionalStepsDegrade() {
        engine.bodySteps.remove('lock')
        ['milestone', 'publishHTML', 'junit', 'recordIssues', 'perfReport', 'addInfoBadge'].each { engine.steps.remove(it) }
        engine.run('legionPipeline()')
        assertEquals PipelineTest.ALL, python.tasks()
    }

    @Test void aFailingPromotionInsideTheLockRunsOnce() {
        python.ending('promote', 1)
        assertTrue fault('legionPipeline()').message.startsWith('promote: FAIL')
        assertEquals PipelineTest.ALL, python.tasks()
    }

    @Test void stepsWorkInSomebodysParallelBranches() {
        engine.steps.parallel = { Map branches -> branches.each { engine.runBody(it.value) } }
        engine.run("parallel(a: { legionTrain() }, b: { legionTrain(settings: 'b.yaml') })")
        assertEquals(['train', 'train'], python.tasks())
    }

    @Test void everyArgumentOfThePipelineSurvives() {
        engine.run('''legionPipeline(approve: true, agent: [kubernetes: 'kind: Pod'], environment: [TEAM: 'wine'], credentials: [TOKEN: 'x'],
            before: [train: { echo 'one' }], after: [train: { echo 'two' }], notify: { facts -> echo facts['run.summary'] })''')
        assertEquals(PipelineTest.ALL - ['promote'] - ['report'] + ['report', 'promote', 'report'], python.tasks())
        assertEquals 'two agents, and one question of preflight', 3, visits(engine.log, 'podTemplate')
        assertEquals 3, visits(engine.log, 'withCredentials')
    }

    @Test void aPromotionThatWaitsSurvives() {
        python.inBuildS = '600'
        python.endings('promote', [10, 10, 0])
        engine.run('legionPipeline()')
        assertEquals(PipelineTest.ALL + ['promote', 'report'] * 2, python.tasks())
        assertEquals 2, visits(engine.log, 'sleep')
        assertNull build.result
    }

    @Test void theModelsFactsSurvive() {
        engine.run("node('x') { legionTrain(); if (legionModel().name != 'wine') { error('no model') } }")
    }

    @Test void aPullRequestSurvives() {
        Environment.current.CHANGE_ID = '12'
        engine.run('legionPipeline()')
        assertEquals(PipelineTest.ON_A_BRANCH, python.tasks())
    }

    @Test void aScheduleSurvives() {
        python.times = 'H 3 * * 1'
        python.due = 'true'
        build.causes = [PipelineTest.TIMER]
        engine.run('legionPipeline(manage: true)')
        assertEquals(['schedule.cron', 'schedule.due'] + PipelineTest.ALL, python.tasks())
        assertEquals 1, visits(engine.log, 'properties')
    }

    @Test void aRetrainingThatIsNotDueSurvives() {
        python.due = 'false'
        build.causes = [PipelineTest.TIMER]
        engine.run('legionPipeline(approve: true)')
        assertEquals(['schedule.due'], python.tasks())
        assertEquals 'NOT_BUILT', build.result
    }

    @Test void aLookAtAWaitingPromotionSurvives() {
        python.waits = 'jenkins-wine-3'
        engine.run('legionLook()')
        assertEquals(['schedule.resume', 'promote', 'report'], python.tasks())
    }

    @Test void legionsFunctionsSurvive() {
        engine.steps.fileExists = { String path -> path == 'legion.yaml' || python.hasFacts() && python.has(path) }
        python.ending('deploy', 10)
        engine.run(LegionTest.JENKINSFILE)
        assertEquals(['train', 'quality', 'package', 'deploy', 'deploy', 'report', 'perf', 'report', 'promote'], python.tasks())
    }

    // The engine itself finds what a controller would find.

    @Test void aMatcherAcrossAStepIsNotSerialisable() {
        String pipeline = "def m = ('abc=1' =~ /(\\w+)=(\\d)/)\nm.matches()\nsh script: 'x', returnStdout: true\necho m.group(1)"
        assertEquals "java.util.regex.Matcher (state at step 'sh')", fault(pipeline).message
    }

    @Test void aStepInASortClosureIsFound() {
        assertTrue fault("[3, 1].sort { a, b -> echo 'x'; a <=> b }").message.contains('expected to call ArrayList.sort but wound up catching call')
    }

    @Test void aStepInANonCpsMethodIsFound() {
        assertTrue fault("@NonCPS def bad() { echo 'x'; 1 }\nbad()").message.contains('wound up catching')
    }

    @Test void stepsInLoopsAndEachRunForEveryElement() {
        engine.run("for (x in ['a', 'b']) { echo x }\n['c', 'd'].each { echo it }")
        assertEquals(['echo'] * 4, engine.log)
    }
}
