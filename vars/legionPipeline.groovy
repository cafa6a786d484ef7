import org.legion.ci.Agent
import org.legion.ci.Arguments
import org.legion.ci.OptionalStep

/** The whole story: set up, the six stages in order, the report whatever happened; see legionPipeline.txt. */
void call(Map arguments = [:]) {
    Arguments.check('legionPipeline', arguments, Arguments.PIPELINE)
    List<String> stages = arguments.stages ?: ['train', 'quality', 'package', 'deploy', 'perf', 'promote']
    node(arguments.label ?: '') {
        timeout(time: arguments.timeoutMinutes ?: 240, unit: 'MINUTES') {
            stage('Set up') { checkout scm }
            withEnv(["LEGION_BIN=${new Agent(this).bin()}"]) {
                try {
                    for (String name in stages) { runStage(name, Arguments.forStage(name, arguments)) }
                } finally {
                    stage('Report') { legionReport(Arguments.forStage('report', arguments)) }
                }
            }
        }
    }
}

private void runStage(String name, Map some) {
    if (name == 'promote') { new OptionalStep(this).call('milestone', [label: 'promote'], 'pipeline-milestone-step') }
    stage(name.capitalize()) {
        switch (name) {
            case 'train': legionTrain(some); break
            case 'quality': legionQuality(some); break
            case 'package': legionPackage(some); break
            case 'deploy': legionDeploy(some); break
            case 'perf': legionPerf(some); break
            case 'promote': legionPromote(some); break
            default: error("legionPipeline: there is no stage '${name}'")
        }
    }
}
