package org.legion.ci

import org.junit.Before
import org.junit.Test

import static org.junit.Assert.*

/** The library through Jenkins' own interpreter, restarted at every step. */
class CpsTest {
    CpsEngine engine
    PythonHalf python
    BuildState build

    @Before void setUp() {
        python = new PythonHalf()
        build = new BuildState()
        engine = new CpsEngine(LibraryTest.ROOT)
        engine.globals.putAll([scm: [:], currentBuild: build, env: [BUILD_TAG: 'jenkins-wine-7', JOB_NAME: 'wine']])
        for (String step in ['checkout', 'milestone', 'junit', 'publishHTML', 'archiveArtifacts', 'writeFile', 'echo']) { engine.steps[step] = null }
        engine.steps.libraryResource = { String path -> new File(LibraryTest.ROOT, "resources/${path}").text }
        engine.steps.sh = { Map step -> python.sh(step) }
        engine.steps.fileExists = { String path -> !python.loseFacts }
        engine.steps.readFile = { String path -> python.properties() }
        engine.steps.error = { String message -> throw new IllegalStateException(message) }
        for (String step in ['node', 'stage', 'timeout', 'lock']) { engine.bodySteps[step] = { List a, Closure body -> body() } }
        engine.bodySteps.withEnv = { List a, Closure body -> body() }
        BuildState.current = build
    }

    private Throwable fault(String pipeline) {
        try { engine.run(pipeline) } catch (Throwable error) { return error }
        return null
    }

    @Test void theWholePipelineSurvivesARestartAtEveryStep() {
        engine.run(new File(LibraryTest.ROOT, 'templates/Jenkinsfile').text)
        assertEquals 7, python.commands.size()
        assertTrue "${engine.suspensions} restarts", engine.suspensions > 40
    }

    @Test void everyStepAloneSurvives() {
        for (String step in ['legionTrain', 'legionQuality', 'legionPackage', 'legionDeploy', 'legionPerf', 'legionPromote', 'legionReport']) {
            setUp()
            engine.run("node('x') { def facts = ${step}(set: ['a=b']); echo facts['model.name'].toString() }")
            assertEquals step, 1, python.commands.size()
        }
    }

    @Test void anInconclusiveGateSurvives() {
        python.ending('quality', 10)
        engine.run('legionPipeline()')
        assertEquals 'UNSTABLE', BuildState.current.result
        assertEquals 7, python.commands.size()
    }

    @Test void aFailingGateReportsAndFails() {
        python.ending('quality', 1)
        assertEquals 'quality: FAIL: the quality summary', fault('legionPipeline()').message
        assertEquals 3, python.commands.size()
    }

    @Test void anUnknownArgumentIsToldBeforeAnyStep() {
        assertTrue fault("legionPipeline(agnt: 'x')").message.contains("there is no argument 'agnt'")
        assertEquals([], engine.log)
    }

    @Test void missingOptionalStepsDegrade() {
        engine.bodySteps.remove('lock')
        engine.steps.remove('milestone')
        engine.steps.remove('publishHTML')
        engine.steps.remove('junit')
        engine.run('legionPipeline()')
        assertEquals 7, python.commands.size()
        assertEquals 1, python.commands.count { it.contains(' promote') }
    }

    @Test void aFailingPromotionInsideTheLockRunsOnce() {
        python.ending('promote', 1)
        assertEquals 'promote: FAIL: the promote summary', fault('legionPipeline()').message
        assertEquals 1, python.commands.count { it.contains(' promote') }
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

/** Stands for currentBuild, which Jenkins keeps outside of the program's state. */
class BuildState implements Serializable {
    private static final long serialVersionUID = 1L
    static BuildState current
    Object result
    Object description
    private Object readResolve() { current }
}
