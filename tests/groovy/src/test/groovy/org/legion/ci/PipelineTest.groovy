package org.legion.ci

import org.junit.Test

import static org.junit.Assert.*

class PipelineTest extends LibraryTest {
    static final List<String> ALL = ['train', 'quality', 'package', 'deploy', 'perf', 'promote', 'report']

    @Test void everyStageRunsInOrderAndThenTheReport() {
        assertEquals 'SUCCESS', outcome()
        assertEquals ALL, python.tasks()
        assertEquals 'wine 3: train PASS, quality PASS, package PASS, deploy PASS, perf PASS, promote PASS', build.description
        golden('happy-path')
    }

    // A gate that fails

    private void failingGate(String stage) {
        python.ending(stage, 1)
        assertEquals 'FAILURE', outcome()
        assertTrue error.message, error.message.startsWith("${stage}: FAIL")
        assertEquals(ALL.subList(0, ALL.indexOf(stage) + 1) + 'report', python.tasks())
        golden("${stage}-fails")
    }

    @Test void afterAFailedQualityGateOnlyTheReportRuns() { failingGate('quality') }

    @Test void afterAFailedAcceptanceTestOnlyTheReportRuns() { failingGate('deploy') }

    @Test void afterAFailedPerformanceGateOnlyTheReportRuns() { failingGate('perf') }

    @Test void aPromotionThatWasRolledBackFailsTheBuild() { failingGate('promote') }

    // A gate that cannot tell

    @Test void anInconclusiveGateMakesTheBuildUnstableAndItGoesOn() {
        python.ending('quality', 10)
        assertEquals 'UNSTABLE', outcome()
        assertEquals ALL, python.tasks()
        golden('quality-inconclusive')
    }

    @Test void aPromotionThatHoldsMakesTheBuildUnstable() {
        python.ending('promote', 10)
        assertEquals 'UNSTABLE', outcome()
    }

    @Test void aFailureAfterAnInconclusiveGateIsAFailure() {
        python.ending('quality', 10).ending('perf', 1)
        assertEquals 'FAILURE', outcome()
    }

    // Errors: the question could not be asked

    @Test void aConfigurationErrorFailsTheBuildAndSaysSo() {
        python.ending('train', 2).ending('report', 2)
        assertEquals 'FAILURE', outcome()
        assertTrue error.message, error.message.contains('the configuration is wrong (exit code 2)')
        assertEquals 'no model: no stage ended with a verdict', build.description
        golden('configuration-error')
    }

    @Test void aToolErrorFailsTheBuildAndSaysSo() {
        python.ending('deploy', 5)
        assertEquals 'FAILURE', outcome()
        assertTrue error.message, error.message.contains('a tool failed (exit code 5)')
        golden('tool-error')
    }

    @Test void aStageThatIsTerminatedAbortsTheBuild() {
        python.ending('train', 143)
        assertEquals 'ABORTED', outcome()
        golden('aborted')
    }

    @Test void whatJenkinsItselfInterruptsIsReportedAndPassedOn() {
        helper.registerAllowedMethod('sh', [Map], { Map step ->
            if (step.script.endsWith(' perf')) { throw new InterruptedException('the user') }
            python.sh(step)
        })
        outcome()
        assertTrue error instanceof InterruptedException
        assertEquals(['train', 'quality', 'package', 'deploy', 'report'], python.tasks())
    }

    @Test void aCodeWithoutItsRecordIsNeverGreen() {
        python.losesFacts = true
        assertEquals 'FAILURE', outcome()
        assertTrue error.message, error.message.contains('exit code 0 needs the verdict PASS in the record, which has none')
        golden('code-without-record')
    }

    @Test void aReportThatCannotBeWrittenFailsTheBuild() {
        python.ending('report', 5)
        assertEquals 'FAILURE', outcome()
        assertNull error
    }

    @Test void aReportThatCannotBeWrittenDoesNotHideTheGate() {
        python.ending('quality', 1).ending('report', 5)
        outcome()
        assertTrue error.message, error.message.startsWith('quality: FAIL')
    }

    @Test void anAgentThatCannotBeSetUpRunsNothing() {
        helper.registerAllowedMethod('sh', [Map], { Map step -> throw new IllegalStateException('script returned exit code 4') })
        assertEquals 'FAILURE', outcome()
        assertEquals 0, calls('legionTrain').size() + calls('legionReport').size()
    }

    // Arguments

    @Test void settingsAreQuotedForTheShell() {
        outcome('''legionPipeline(settings: "it's.yaml", set: ['quality.alpha': 0.01, 'model.name': '$(rm -rf x)'], first: true)''')
        String options = "--settings 'it'\\''s.yaml' --set 'quality.alpha=0.01' --set 'model.name=\$(rm -rf x)'"
        assertEquals "'/opt/legion/bin/legion-ci' quality ${options} --first".toString(), python.commands[1]
        assertEquals "'/opt/legion/bin/legion-ci' package ${options}".toString(), python.commands[2]
    }

    @Test void onlyTheStagesThatKnowFirstAreGivenIt() {
        outcome('legionPipeline(first: true)')
        assertEquals(['quality', 'deploy', 'promote'], [python.tasks(), python.commands].transpose().findAll { it[1].endsWith(' --first') }*.first())
    }

    @Test void labelAndTimeLimitAreThoseGiven() {
        outcome("legionPipeline(label: 'models', timeoutMinutes: 5)")
        assertEquals(['node(models)'], calls('node'))
        assertEquals(['timeout({time=5, unit=MINUTES})'], calls('timeout'))
    }

    @Test void someStagesAloneRun() {
        assertEquals 'SUCCESS', outcome("legionPipeline(stages: ['train', 'quality'])")
        assertEquals(['train', 'quality', 'report'], python.tasks())
    }

    @Test void anUnknownArgumentNamesTheNearestKnownOneBeforeAnythingRuns() {
        assertEquals 'FAILURE', outcome("legionPipeline(setings: 'x.yaml')")
        assertTrue error.message, error.message.startsWith("legionPipeline: there is no argument 'setings', did you mean 'settings'?")
        golden('unknown-argument')
    }

    @Test void everythingThatIsWrongWithTheArgumentsIsToldAtOnce() {
        outcome("legionPipeline(memory: 1, first: 'yes', set: 'a=b', timeoutMinutes: 0)")
        for (String part in ["no argument 'memory'", "first is true or false (found 'yes')", "set is a map, or a list of 'KEY=VALUE'", 'timeoutMinutes is']) {
            assertTrue "${part} in ${error.message}", error.message.contains(part)
        }
    }

    @Test void stagesThatAreUnknownOrOutOfOrderAreRefused() {
        outcome("legionPipeline(stages: ['trian'])")
        assertTrue error.message, error.message.contains("there is no stage 'trian', did you mean 'train'?")
        outcome("legionPipeline(stages: ['quality', 'train'])")
        assertTrue error.message, error.message.contains('stages are out of order')
        outcome('legionPipeline(stages: [])')
        assertTrue error.message, error.message.contains('stages is a list of stages (found')
        assertEquals([], python.commands)
    }

    @Test void aStageDoesNotTakeWhatItDoesNotKnow() {
        outcome("node('x') { legionTrain(first: true) }")
        assertTrue error.message, error.message.contains("legionTrain: there is no argument 'first'")
    }

    // Optional plug-ins

    @Test void withoutTheHtmlPublisherThePagesAreArchivedWithOneLine() {
        removeStep('publishHTML')
        assertEquals 'SUCCESS', outcome()
        assertEquals 1, calls('echo').count { it.contains("no step 'publishHTML'") }
        assertEquals 1, calls('archiveArtifacts').size()
        golden('without-html-publisher')
    }

    @Test void withoutAnyOptionalStepEveryStageRunsOnce() {
        ['lock', 'milestone', 'junit', 'publishHTML'].each { removeStep(it) }
        assertEquals 'SUCCESS', outcome()
        assertEquals ALL, python.tasks()
        assertEquals 4, calls('echo').count { it.contains('no step ') }
        golden('without-optional-steps')
    }

    @Test void aBodysOwnMissingStepIsNotTakenForAMissingLock() {
        helper.registerAllowedMethod('fileExists', [String], { String path ->
            if (python.tasks().contains('promote')) { throw new NoSuchMethodError("No such DSL method 'lock' found among steps") }
            python.hasFacts()
        })
        outcome("node('x') { legionTrain(); legionPromote() }")
        assertTrue error instanceof NoSuchMethodError
        assertEquals 1, python.tasks().count('promote')
    }

    @Test void anOptionalStepsOwnErrorGoesOn() {
        helper.registerAllowedMethod('junit', [Map], { Map a -> throw new IllegalStateException('no reports could be read') })
        outcome()
        assertEquals 'no reports could be read', error.message
    }

    // One step in somebody's own pipeline

    @Test void aStepAloneSetsItselfUpAndReturnsTheFacts() {
        assertEquals 'SUCCESS', outcome("node('x') { def facts = legionQuality(set: ['quality.alpha=0.1']); echo facts['quality.verdict'] }")
        assertEquals(["'/opt/legion/bin/legion-ci' quality --set 'quality.alpha=0.1'"], python.commands)
        golden('step-alone')
    }

    @Test void theRunIsNamedAfterTheBuildInCharactersThatPathsLike() {
        binding.getVariable('env').BUILD_TAG = 'jenkins-team/wine %2F-7'
        outcome("node('x') { legionTrain() }")
        assertEquals(['withEnv([LEGION_RUN=jenkins-team-wine--2F-7])'], calls('withEnv'))
    }

    @Test void theTemplateIsTheWholePipeline() {
        runScript(new File(ROOT, 'templates/Jenkinsfile').path)
        assertEquals ALL, python.tasks()
    }
}
