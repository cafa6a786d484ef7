import org.legion.ci.Agent
import org.legion.ci.Arguments

/** The whole story: set up, the six stages in order, the report whatever happened; see legionPipeline.txt. */
void call(Map arguments = [:]) {
    String wrong = Arguments.problems('legionPipeline', arguments, Arguments.PIPELINE)
    if (wrong) { error(wrong) }
    Map<String, Closure> doors = [
        train: { legionTrain(it) },
        quality: { legionQuality(it) },
        package: { legionPackage(it) },
        deploy: { legionDeploy(it) },
        perf: { legionPerf(it) },
        promote: { legionPromote(it) },
    ]
    node(arguments.label ?: '') {
        String bin = ''
        stage('Set up') {
            checkout scm
            bin = new Agent(this).bin()
        }
        withEnv(['LEGION_BIN=' + bin]) {
            try {
                timeout(time: arguments.timeoutMinutes ?: 720, unit: 'MINUTES') {
                    for (String name in (arguments.stages ?: Arguments.STAGES)) {
                        stage(name.capitalize()) { doors[name](Arguments.only(arguments, Arguments.of(name))) }
                    }
                }
            } finally {
                stage('Report') { legionReport(Arguments.only(arguments, Arguments.TASK)) }
            }
        }
    }
}
