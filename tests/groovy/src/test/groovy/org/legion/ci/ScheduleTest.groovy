package org.legion.ci

import org.junit.Test

import static org.junit.Assert.*

/** Builds that a timer starts: retraining that may be due, looks at a promotion that waits; and where builds go on. */
class ScheduleTest extends LibraryTest {
    // Retraining that starts by itself

    @Test void theScheduleBecomesTheTimerOfTheMainBranchOnly() {
        python.times = 'H 3 * * 1'
        outcome('legionPipeline(manage: true)')
        assertEquals(['properties([disableConcurrentBuilds, pipelineTriggers([cron(H 3 * * 1)])])'], calls('properties'))
        assertEquals(['schedule.cron'] + PipelineTest.ALL, python.tasks())
    }

    @Test void onABranchNothingIsScheduledNorAsked() {
        python.times = 'H 3 * * 1'
        python.due = 'false'
        binding.getVariable('env').BRANCH_NAME = 'feature'
        build.causes = [PipelineTest.TIMER]
        outcome('legionPipeline(manage: true)')
        assertEquals PipelineTest.ON_A_BRANCH, python.tasks()
        assertEquals([], calls('properties'))
    }

    @Test void aRetrainingThatIsDuePassesTheSameGates() {
        python.due = 'true'
        build.causes = [PipelineTest.TIMER]
        assertEquals 'SUCCESS', outcome()
        assertEquals(['schedule.due'] + PipelineTest.ALL, python.tasks())
        assertTrue python.commands[0], python.commands[0].endsWith(' schedule.due --start')
        assertTrue build.description, build.description.endsWith('promote PASS; retrained by itself: drift in alcohol')
        golden('retraining')
    }

    @Test void aRetrainingThatIsNotDueBuildsNothingAndSaysWhy() {
        python.due = 'false'
        build.causes = [PipelineTest.TIMER]
        assertEquals 'NOT_BUILT', outcome("legionPipeline(approve: true, notify: { facts -> echo 'told ' + facts['schedule.why'] })")
        assertEquals(['schedule.due'], python.tasks())
        assertNull error
        assertEquals 'no retraining: drift in alcohol', build.description
        assertEquals([], calls('input') + calls('stash'))
        assertTrue calls('echo').toString(), calls('echo').contains('echo(told drift in alcohol)')
        golden('retraining-not-due')
    }

    @Test void aTimerOfTheJobsOwnWithoutAScheduleBuildsAsEver() {
        build.causes = [PipelineTest.TIMER]
        assertEquals 'SUCCESS', outcome()
        assertEquals(['schedule.due'] + PipelineTest.ALL, python.tasks())
    }

    @Test void aScheduleThatCannotBeAskedEndsTheBuild() {
        build.causes = [PipelineTest.TIMER]
        python.ending('schedule.due', 3)
        assertEquals 'FAILURE', outcome()
        assertTrue error.message, error.message.startsWith('schedule.due: a stage that this one needs')
        assertEquals(['schedule.due'], python.tasks())
    }

    // A promotion that an earlier build has left

    @Test void aLookTakesTheRunThatWaitsWhateverWasBuiltSince() {
        python.waits = 'jenkins-wine-3'
        assertEquals 'SUCCESS', outcome("node('x') { legionLook(settings: 'm/legion.yaml') }")
        assertEquals(['schedule.resume', 'promote', 'report'], python.tasks())
        assertTrue calls('withEnv').toString(), calls('withEnv').contains('withEnv([LEGION_RUN=jenkins-wine-3])')
        assertTrue calls('archiveArtifacts')[0], calls('archiveArtifacts')[0].contains('m/.legion/runs/jenkins-wine-3/*.json')
        golden('look')
    }

    @Test void aLookWhereNothingWaitsBuildsNothing() {
        assertEquals 'NOT_BUILT', outcome("node('x') { legionLook() }")
        assertEquals(['schedule.resume'], python.tasks())
        assertEquals 'no promotion waits', build.description
    }

    @Test void aLookThatRollsBackIsRedAndReported() {
        python.waits = 'jenkins-wine-3'
        python.ending('promote', 1)
        assertEquals 'FAILURE', outcome("node('x') { legionLook() }")
        assertTrue error.message, error.message.startsWith('promote: FAIL')
        assertEquals(['schedule.resume', 'promote', 'report'], python.tasks())
    }

    @Test void whatRunsOnANodeIsPromotedFromThatNode() {
        binding.getVariable('env').NODE_NAME = 'm1'
        python.inBuildS = '600'
        python.endings('promote', [10, 0])
        outcome("legionPipeline(approve: true, agent: 'models')")
        assertEquals(['node(models)', 'node(m1)', 'node(m1)'], calls('node'))
    }

    @Test void aModelInAFolderHasItsRecordsThere() {
        List<String> read = []
        helper.registerAllowedMethod('readFile', [String], { String path ->
            read << path
            path.endsWith('.properties') ? python.facts() : ''
        })
        assertEquals 'SUCCESS', outcome("legionPipeline(config: './models/delay/legion.yaml', approve: true)")
        assertTrue read.toString(), !read.empty && read.every { it.startsWith('models/delay/.legion/runs/jenkins-wine-7/') }
        assertTrue calls('stash')[0], calls('stash')[0].contains('includes=models/delay/.legion/runs/jenkins-wine-7/**')
        assertTrue calls('publishHTML')[0], calls('publishHTML')[0].contains('reportDir=models/delay/.legion/runs/jenkins-wine-7/report')
    }
}
