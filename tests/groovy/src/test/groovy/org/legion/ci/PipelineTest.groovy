package org.legion.ci

import org.junit.Test

import static org.junit.Assert.*

class PipelineTest extends LibraryTest {
    static final List<String> PREFLIGHT = ['lock', 'milestone', 'junit', 'publishHTML', 'recordIssues', 'perfReport', 'publishChecks', 'addInfoBadge']
    static final List<String> ALL = ['train', 'quality', 'package', 'deploy', 'perf', 'promote', 'report']

    static final String TIMER = 'hudson.triggers.TimerTrigger$TimerTriggerCause'
    static final List<String> ON_A_BRANCH = ['branch.remove', 'train', 'quality', 'package', 'deploy', 'perf', 'report', 'branch.remove']

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

    // A promotion outlives a build

    @Test void aPromotionThatHoldsIsLookedAtAgainWhileNoExecutorIsHeld() {
        python.inBuildS = '600'
        python.endings('promote', [10, 10, 0])
        assertEquals 'SUCCESS', outcome()
        assertEquals(ALL + ['promote', 'report'] * 2, python.tasks())
        assertEquals(['sleep({time=60, unit=SECONDS})'] * 2, calls('sleep'))
        assertEquals 3, calls('node').size()
        Set<Integer> depths = helper.callStack.findAll { it.methodName == 'sleep' }*.stackDepth as Set
        assertEquals(helper.callStack.findAll { it.methodName == 'node' }*.stackDepth as Set, depths)
        for (String once in ['recordIssues', 'perfReport', 'addInfoBadge']) { assertEquals once, 1, calls(once).size() }
        assertEquals(['junit-*.xml', 'junit-promote.xml'], calls('junit').collect { (it =~ /report\/(junit-[^,]*)/)[0][1] })
        golden('promotion-waits')
    }

    @Test void aPromotionThatHoldsLongerThanABuildMayWaitIsUnstable() {
        python.inBuildS = '130'
        python.ending('promote', 10)
        assertEquals 'UNSTABLE', outcome()
        assertEquals 3, python.tasks().count('promote')
        assertTrue calls('echo').toString(), calls('echo').any { it.contains('promote: INCONCLUSIVE') && it.contains('next look') }
    }

    @Test void aPromotionThatFailsWhileTheBuildWaitsIsRed() {
        python.inBuildS = '600'
        python.endings('promote', [10, 1])
        assertEquals 'FAILURE', outcome()
        assertTrue error.message, error.message.startsWith('promote: FAIL')
    }

    @Test void aStepAloneLooksOnceAndReturns() {
        python.inBuildS = '600'
        python.ending('promote', 10)
        assertEquals 'UNSTABLE', outcome("node('x') { legionPromote() }")
        assertEquals 1, python.tasks().size()
        assertTrue python.commands[0], python.commands[0].endsWith(' promote --once')
        assertEquals([], calls('sleep'))
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
        outcome('''legionPipeline(config: "it's.yaml", set: ['quality.alpha': 0.01, 'model.name': '$(rm -rf x)'], first: true)''')
        String options = "--settings 'it'\\''s.yaml' --set 'quality.alpha=0.01' --set 'model.name=\$(rm -rf x)'"
        assertEquals "'/opt/legion/bin/legion-ci' quality ${options} --first".toString(), python.commands[1]
        assertEquals "'/opt/legion/bin/legion-ci' package ${options}".toString(), python.commands[2]
    }

    @Test void onlyTheStagesThatKnowFirstAreGivenIt() {
        outcome('legionPipeline(first: true)')
        assertEquals(['quality', 'deploy', 'promote'], [python.tasks(), python.commands].transpose().findAll { it[1].endsWith(' --first') }*.first())
    }

    @Test void labelAndTimeLimitAreThoseGiven() {
        outcome("legionPipeline(agent: 'models', timeoutMinutes: 5)")
        assertEquals(['node(models)'], calls('node'))
        assertEquals(['timeout({time=5, unit=MINUTES})'], calls('timeout'))
    }

    @Test void someStagesAloneRun() {
        assertEquals 'SUCCESS', outcome("legionPipeline(stages: ['train', 'quality'])")
        assertEquals(['train', 'quality', 'report'], python.tasks())
    }

    @Test void anUnknownArgumentNamesTheNearestKnownOneBeforeAnythingRuns() {
        assertEquals 'FAILURE', outcome("legionPipeline(confg: 'x.yaml')")
        assertTrue error.message, error.message.startsWith("legionPipeline: there is no argument 'confg', did you mean 'config'?")
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

    // Agents, branches, extra stages, approval

    @Test void aDockerImageRunsOnANodeWithItsLabel() {
        List<String> images = []
        binding.setVariable('docker', [image: { String name -> images << name; [inside: { Closure body -> helper.callClosure(body) }] }])
        assertEquals 'SUCCESS', outcome("legionPipeline(agent: [docker: 'python:3.12', label: 'big'])")
        assertEquals(['python:3.12'], images)
        assertEquals(['node(big)'], calls('node'))
    }

    @Test void aPodTemplateRunsOnItsPod() {
        binding.getVariable('env').POD_LABEL = 'pod-7'
        assertEquals 'SUCCESS', outcome("legionPipeline(agent: [kubernetes: 'kind: Pod'])")
        assertEquals(['podTemplate({yaml=kind: Pod})'], calls('podTemplate'))
        assertEquals(['node(pod-7)'], calls('node'))
    }

    @Test void anAgentOfTwoKindsIsRefused() {
        outcome("legionPipeline(agent: [kubernetes: 'x', docker: 'y'])")
        assertTrue error.message, error.message.contains('agent is a text or a map')
    }

    @Test void aWindowsAgentEndsTheBuildWithOneLine() {
        helper.registerAllowedMethod('isUnix', [], { false })
        assertEquals 'FAILURE', outcome()
        assertTrue error.message, error.message.contains('this agent runs Windows')
        assertEquals([], python.commands)
    }

    @Test void environmentAndSecretsAreThereForEveryStage() {
        outcome("legionPipeline(environment: [TEAM: 'wine'], credentials: [TOKEN: 'store-token'])")
        assertTrue calls('withEnv').toString(), calls('withEnv').contains('withEnv([TEAM=wine])')
        assertEquals(['withCredentials([{variable=TOKEN, credentialsId=store-token}])'], calls('withCredentials'))
    }

    @Test void extraStagesRunBeforeAndAfterOurs() {
        outcome("legionPipeline(stages: ['train', 'quality'], before: [quality: { echo 'one' }], after: [train: { echo 'two' }])")
        assertEquals(['stage(Set up)', 'stage(Train)', 'stage(After train)', 'stage(Before quality)', 'stage(Quality)', 'stage(Report)'], calls('stage'))
    }

    @Test void extraStagesBesideAStageThatDoesNotExistAreRefused() {
        outcome("legionPipeline(before: [trian: { echo 'one' }])")
        assertTrue error.message, error.message.contains('before is a map of a stage to a closure')
    }

    @Test void approvalIsAskedForOnNoNodeWithTheEvidence() {
        assertEquals 'SUCCESS', outcome("legionPipeline(approve: [submitter: 'reviewers'])")
        assertEquals 2, calls('node').size()
        assertTrue calls('input').toString(), calls('input')[0].contains('Promote wine 3: train PASS')
        golden('approval')
    }

    @Test void aRefusedApprovalMovesNoTraffic() {
        helper.registerAllowedMethod('input', [Map], { Map a -> throw new InterruptedException('refused') })
        outcome('legionPipeline(approve: true)')
        assertFalse python.tasks().contains('promote')
        assertTrue error instanceof InterruptedException
        golden('approval-refused')
    }

    @Test void theEndIsToldWhateverHappened() {
        python.ending('quality', 1)
        outcome("legionPipeline(notify: { facts -> echo 'told ' + facts['quality.verdict'] })")
        assertTrue calls('echo').toString(), calls('echo').contains('echo(told FAIL)')
    }

    @Test void aPullRequestWorksInASiteOfItsOwnAndIsToldTheVerdict() {
        binding.getVariable('env').CHANGE_ID = '12'
        assertEquals 'SUCCESS', outcome('legionPipeline(manage: true)')
        assertEquals ON_A_BRANCH, python.tasks()
        assertTrue python.commands.toString(), python.commands.every { it.contains("--set 'site.branch=pr-12'") }
        assertEquals([], calls('properties'))
        assertTrue calls('publishChecks').toString(), calls('publishChecks')[0].contains('conclusion=SUCCESS')
        golden('pull-request')
    }

    @Test void aPullRequestThatFailsStillRemovesItsSite() {
        binding.getVariable('env').CHANGE_ID = '12'
        python.ending('perf', 1)
        assertEquals 'FAILURE', outcome()
        assertEquals ON_A_BRANCH, python.tasks()
        assertTrue calls('publishChecks')[0].contains('conclusion=FAILURE')
        golden('pull-request-fails')
    }

    @Test void aPullRequestWhoseBuildBreaksIsNotToldThatAllIsWell() {
        binding.getVariable('env').CHANGE_ID = '12'
        python.ending('deploy', 5)
        assertEquals 'FAILURE', outcome()
        assertTrue calls('publishChecks')[0].contains('conclusion=FAILURE')
    }

    @Test void aSiteThatCannotBeRemovedIsToldAndDecidesNothing() {
        binding.getVariable('env').CHANGE_ID = '12'
        python.ending('branch.remove', 5)
        assertEquals 'SUCCESS', outcome()
        assertEquals 2, calls('echo').count { it.contains('the site pr-12 could not be removed') }
    }

    @Test void anotherBranchThanTheMainOneWorksInItsOwnSiteAndTellsNobody() {
        binding.getVariable('env').BRANCH_NAME = 'Feature/X_1'
        outcome("legionPipeline(set: ['a.b=1'])")
        assertEquals ON_A_BRANCH, python.tasks()
        assertTrue python.commands[0], python.commands[0] ==~ /.* --set 'a.b=1' --set 'site.branch=branch-feature-x-1-[0-9a-f]+'/
        assertEquals([], calls('publishChecks'))
    }

    @Test void propertiesAreSetOnTheMainBranchAndOnlyWhenAskedFor() {
        outcome()
        assertEquals([], calls('properties'))
        binding.getVariable('env').BRANCH_NAME = 'main'
        outcome('legionPipeline(manage: true)')
        assertEquals(['properties([disableConcurrentBuilds])'], calls('properties'))
    }

    // Tasks that are no stages

    @Test void rollbackStatusAndPlanRunTheirTasks() {
        assertEquals 'SUCCESS', outcome("node('x') { legionPlan(); legionStatus(settings: 'a.yaml'); legionRollback() }")
        assertEquals(['plan', 'status', 'rollback'], python.tasks())
        assertEquals([], calls('lock'))
    }

    @Test void aRollbackThatFailsEndsTheBuild() {
        python.ending('rollback', 3)
        assertEquals 'FAILURE', outcome("node('x') { legionRollback() }")
        assertTrue error.message, error.message.startsWith('rollback: ')
    }

    @Test void theModelIsToldUnderShortNames() {
        outcome("node('x') { legionTrain(); def m = legionModel(); echo m.name + ' ' + m.version + ' ' + m.digest }")
        assertTrue calls('echo').toString(), calls('echo').contains('echo(wine 3 sha256:abc)')
        outcome("legionModel(x: 1)")
        assertTrue error.message, error.message.contains("there is no argument 'x', did you mean 'settings'")
    }

    // Optional plug-ins

    /** Told once, before the first stage, and everything else goes on. */
    private void without(String step) {
        removeStep(step)
        assertEquals 'SUCCESS', outcome()
        assertEquals ALL, python.tasks()
        List<String> order = helper.callStack.findAll { it.methodName in ['echo', 'stage'] }.collect { shown(it) }
        assertTrue order.toString(), order[0].contains("no step '${step}' (plug-in ")
        assertEquals 1, order.count { it.contains('no step ') }
        assertEquals 1, calls('archiveArtifacts').size()
        assertEquals([], calls(step))
        golden("without-${step}")
    }

    @Test void withoutLockableResourcesThePipelineGoesOn() { without('lock') }

    @Test void withoutMilestoneStepThePipelineGoesOn() { without('milestone') }

    @Test void withoutJunitThePipelineGoesOn() { without('junit') }

    @Test void withoutHtmlPublisherThePipelineGoesOn() { without('publishHTML') }

    @Test void withoutWarningsNgThePipelineGoesOn() { without('recordIssues') }

    @Test void withoutPerformanceThePipelineGoesOn() { without('perfReport') }

    @Test void withoutChecksThePipelineGoesOn() { without('publishChecks') }

    @Test void withoutBadgeThePipelineGoesOn() { without('addInfoBadge') }

    @Test void withoutAnyOptionalStepEveryStageRunsOnce() {
        PREFLIGHT.each { removeStep(it) }
        assertEquals 'SUCCESS', outcome()
        assertEquals ALL, python.tasks()
        assertEquals PREFLIGHT.size(), calls('echo').count { it.contains('no step ') }
        golden('without-optional-steps')
    }

    @Test void aStepAloneDegradesToo() {
        PREFLIGHT.each { removeStep(it) }
        assertEquals 'SUCCESS', outcome("node('x') { legionTrain(); legionPromote(); legionReport() }")
        assertEquals(['train', 'promote', 'report'], python.tasks())
        assertEquals 1, calls('echo').count { it.contains("no step 'lock'") }
    }

    @Test void requiredStepsThatAreMissingEndTheBuildByNameBeforeAnythingRuns() {
        ['stash', 'input', 'withCredentials'].each { removeStep(it) }
        assertEquals 'FAILURE', outcome("legionPipeline(approve: true, credentials: [A: 'a'])")
        for (String part in ['stash (plug-in workflow-basic-steps)', 'input (plug-in pipeline-input-step)', 'withCredentials (plug-in credentials-binding)']) {
            assertTrue error.message, error.message.contains(part)
        }
        assertEquals([], calls('node'))
        golden('required-steps-missing')
    }

    @Test void whatThisPipelineDoesNotWantIsNotRequired() {
        ['input', 'withCredentials', 'podTemplate'].each { removeStep(it) }
        assertEquals 'SUCCESS', outcome()
    }

    @Test void theDockerPluginIsAskedForWhereAnImageIsWanted() {
        assertEquals 'FAILURE', outcome("legionPipeline(agent: [docker: 'python:3.12'])")
        assertTrue error.message, error.message.contains('docker (plug-in docker-workflow)')
    }

    @Test void aBuildThatIsStoppedInPreflightStops() {
        helper.registerAllowedMethod('junit', [String, String], { String a, String b -> throw new InterruptedException('the user') })
        outcome()
        assertTrue error instanceof InterruptedException
        assertEquals([], python.commands)
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
