package org.legion.ci

import org.junit.Test

import static org.junit.Assert.*

class PipelineTest extends LibraryTest {
    static final List<String> ALL = ['train', 'quality', 'package', 'deploy', 'perf', 'promote', 'report']

    private List<String> tasks() { python.commands.collect { it.replaceAll(/^'[^']*' /, '').split(' ')[0] } }

    @Test void everyStageRunsInOrderAndThenTheReport() {
        pipeline('legionPipeline()')
        assertEquals ALL, tasks()
        assertNull currentBuild.result
        assertEquals 'wine 3: train PASS, quality PASS, package PASS, deploy PASS, perf PASS, promote PASS', currentBuild.description.toString()
        golden('happy-path')
    }

    @Test void afterAFailedQualityGateOnlyTheReportRuns() {
        python.ending('quality', 1)
        Exception error = failing('legionPipeline()')
        assertEquals 'quality: FAIL: the quality summary', error.message
        assertEquals(['train', 'quality', 'report'], tasks())
        golden('quality-fails')
    }

    @Test void afterAFailedDeploymentTestOnlyTheReportRuns() {
        python.ending('deploy', 1)
        failing('legionPipeline()')
        assertEquals(['train', 'quality', 'package', 'deploy', 'report'], tasks())
    }

    @Test void afterAFailedPerformanceGateNothingIsPromoted() {
        python.ending('perf', 1)
        failing('legionPipeline()')
        assertEquals(['train', 'quality', 'package', 'deploy', 'perf', 'report'], tasks())
    }

    @Test void aRolledBackPromotionFailsTheBuild() {
        python.ending('promote', 1)
        assertEquals 'promote: FAIL: the promote summary', failing('legionPipeline()').message
        assertEquals ALL, tasks()
    }

    @Test void anInconclusiveGateMakesTheBuildUnstableAndItGoesOn() {
        python.ending('quality', 10)
        pipeline('legionPipeline()')
        assertEquals 'UNSTABLE', currentBuild.result
        assertEquals ALL, tasks()
        golden('quality-inconclusive')
    }

    @Test void aHoldingPromotionIsUnstable() {
        python.ending('promote', 10)
        pipeline('legionPipeline()')
        assertEquals 'UNSTABLE', currentBuild.result
    }

    @Test void aConfigurationErrorFailsTheBuildWithItsMeaning() {
        python.ending('train', 2)
        Exception error = failing('legionPipeline()')
        assertTrue error.message, error.message.contains('configuration or usage is wrong (exit code 2)')
        assertNull currentBuild.result
        golden('configuration-error')
    }

    @Test void everyCodeOfAnErrorFailsTheBuild() {
        for (int code in [2, 3, 4, 5, 6, 70]) {
            setUp()
            python = new PythonHalf().ending('train', code)
            assertTrue failing('legionPipeline()').message.contains("exit code ${code}")
        }
    }

    @Test void aTerminatedStageAbortsTheBuild() {
        python.ending('train', 143)
        failing('legionPipeline()')
        assertEquals 'ABORTED', currentBuild.result
        golden('aborted')
    }

    @Test void aCodeWithoutItsRecordIsABugAndNeverSuccess() {
        python.loseFacts = true
        Exception error = failing('legionPipeline()')
        assertTrue error.message, error.message.contains('exit code 0 without a record that says PASS')
    }

    @Test void settingsAreQuotedForTheShell() {
        pipeline('''legionPipeline(settings: "it's.yaml", set: ['quality.alpha': 0.01, 'model.name': '$(rm -rf x)'], first: true)''')
        assertEquals "'/opt/legion/bin/legion-ci' quality --settings 'it'\\''s.yaml' --set 'quality.alpha=0.01' --set 'model.name=\$(rm -rf x)' --first", python.commands[1]
        assertFalse python.commands[0].contains('--first')
    }

    @Test void someStagesAloneRunInTheOrderGiven() {
        pipeline("legionPipeline(stages: ['train', 'quality'])")
        assertEquals(['train', 'quality', 'report'], tasks())
    }

    @Test void anUnknownStageIsNamed() {
        assertTrue failing("legionPipeline(stages: ['trian'])").message.contains("there is no stage 'trian'")
    }

    @Test void anUnknownArgumentNamesTheNearestKnownOne() {
        Exception error = failing("legionPipeline(setings: 'x.yaml')")
        assertTrue error.message, error.message.startsWith("legionPipeline: there is no argument 'setings'; did you mean 'settings'?")
        assertEquals([], python.commands)
    }

    @Test void withoutTheHtmlPublisherThePagesAreArchivedWithOneLine() {
        removeStep('publishHTML')
        pipeline('legionPipeline()')
        assertEquals 1, calls('echo').count { it.contains("without the step 'publishHTML'") }
        assertEquals 1, calls('archiveArtifacts').size()
        golden('without-html-publisher')
    }

    @Test void withoutLockableResourcesPromotionRunsOnce() {
        removeStep('lock')
        removeStep('milestone')
        pipeline('legionPipeline()')
        assertEquals 1, tasks().count('promote')
        assertEquals 1, calls('echo').count { it.contains("without the step 'lock'") }
    }

    @Test void aBodysOwnMissingMethodIsNotTakenForAMissingLock() {
        helper.registerAllowedMethod('echo', [String], { String s -> if (s.contains('promote')) { throw new NoSuchMethodError("No such DSL method 'lock' found") } })
        try { pipeline('legionPipeline()'); fail('should fail') } catch (NoSuchMethodError error) { assertTrue error.message.contains('lock') }
        assertEquals 1, tasks().count('promote')
    }

    @Test void aStepAloneSetsItselfUp() {
        pipeline("node('x') { def facts = legionQuality(set: ['quality.alpha=0.1']); echo facts['quality.verdict'] }")
        assertEquals(["'/opt/legion/bin/legion-ci' quality --set 'quality.alpha=0.1'"], python.commands)
        assertEquals 1, calls('writeFile').size()
        golden('step-alone')
    }

    @Test void aFailingReportDoesNotHideTheGate() {
        python.ending('quality', 1).ending('report', 3)
        assertTrue failing('legionPipeline()').message.startsWith('quality: FAIL')
    }

    @Test void theRunIsNamedAfterTheBuildWithoutCharactersThatPathsDislike() {
        binding.setVariable('env', [BUILD_TAG: 'jenkins-team/wine %2F-7', JOB_NAME: 'wine'])
        pipeline("node('x') { legionTrain() }")
        assertTrue calls('withEnv').toString(), calls('withEnv')[0].contains('LEGION_RUN=jenkins-team-wine--2F-7')
    }

    @Test void theTemplateIsTheOneLine() {
        runScript(new File(ROOT, 'templates/Jenkinsfile').path)
        assertEquals ALL, tasks()
    }
}
