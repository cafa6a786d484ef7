import org.legion.ci.Agent
import org.legion.ci.Approval
import org.legion.ci.Arguments
import org.legion.ci.Branch
import org.legion.ci.Description
import org.legion.ci.Place

/** The whole story: set up, the six stages in order, the report whatever happened; see legionPipeline.txt. */
void call(Map arguments = [:]) {
    String wrong = Arguments.problems('legionPipeline', arguments)
    if (wrong) { error(wrong) }
    Branch branch = new Branch(this)
    if (arguments.manage && branch.main()) { properties([disableConcurrentBuilds()]) }
    List<String> names = branch.allowed(arguments.stages ?: Description.STAGES)
    boolean asks = arguments.approve && names.contains('promote')
    Map<String, String> facts = [:]
    try {
        if (!asks) {
            onAgent(arguments, names, false, false) { facts = it }
        } else {
            boolean begins = names == ['promote']
            if (!begins) { onAgent(arguments, names - 'promote', false, true) { facts = it } }
            stage('Approve') { new Approval(this).ask(arguments.approve, facts) }
            onAgent(arguments, ['promote'], !begins, false) { facts = it }
        }
    } finally {
        if (arguments.notify) { arguments.notify.call(facts) }
    }
}

/** Run some stages on an agent, then the report; the records of the run come and go by a stash. */
private void onAgent(Map arguments, List<String> names, boolean resumes, boolean leaves, Closure reported) {
    Map<String, Closure> doors = [
        train: { legionTrain(it) },
        quality: { legionQuality(it) },
        package: { legionPackage(it) },
        deploy: { legionDeploy(it) },
        perf: { legionPerf(it) },
        promote: { legionPromote(it) },
    ]
    new Place(this, arguments).run {
        String bin = ''
        stage('Set up') {
            checkout scm
            bin = new Agent(this).bin()
            if (resumes) { unstash('legion-run') }
        }
        withEnv(['LEGION_BIN=' + bin]) {
            try {
                timeout(time: arguments.timeoutMinutes ?: 720, unit: 'MINUTES') {
                    for (String name in names) {
                        extra('Before', arguments.before, name)
                        stage(name.capitalize()) { doors[name](Arguments.only(arguments, 'legion' + name.capitalize())) }
                        extra('After', arguments.after, name)
                    }
                }
                if (leaves) { stash(name: 'legion-run', includes: new Agent(this).runFolder() + '/**') }
            } finally {
                stage('Report') { reported(legionReport(Arguments.only(arguments, 'legionReport'))) }
            }
        }
    }
}

private void extra(String when, Map closures, String name) {
    if (closures && closures[name]) { stage("${when} ${name}") { closures[name].call() } }
}
