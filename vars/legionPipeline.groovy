import org.legion.ci.Agent
import org.legion.ci.Approval
import org.legion.ci.Arguments
import org.legion.ci.Branch
import org.legion.ci.BranchSite
import org.legion.ci.Description
import org.legion.ci.Place
import org.legion.ci.Preflight
import org.legion.ci.Promotion
import org.legion.ci.Report

/** The whole story: preflight, set up, the six stages in order, the report whatever happened; see legionPipeline.txt. */
void call(Map arguments = [:]) {
    String wrong = Arguments.problems('legionPipeline', arguments)
    if (wrong) { error(wrong) }
    Branch branch = new Branch(this)
    List<String> without = new Preflight(this, arguments).missing()
    if (arguments.manage && branch.main()) { properties([disableConcurrentBuilds()]) }
    List<String> names = branch.allowed(arguments.stages ?: Description.STAGES)
    if (without) {
        withEnv(['LEGION_WITHOUT=' + without.join(',')]) { story(branch.settings(arguments), names, branch.site()) }
    } else {
        story(branch.settings(arguments), names, branch.site())
    }
}

/** All stages; what waits, for a person or for evidence, waits outside of node. */
private void story(Map arguments, List<String> names, String site) {
    boolean asks = arguments.approve && names.contains('promote')
    Map<String, String> facts = [:]
    try {
        if (!asks) {
            onAgent(arguments, names, [site: site]) { facts = it }
        } else {
            boolean begins = names == ['promote']
            if (!begins) { onAgent(arguments, names - 'promote', [site: site, leaves: true]) { facts = it } }
            stage('Approve') { new Approval(this).ask(arguments.approve, facts) }
            onAgent(arguments, ['promote'], [resumes: !begins]) { facts = it }
        }
        int waitedS = 0
        int pauseS = Promotion.pauseS(facts, waitedS)
        while (pauseS > 0) {
            echo("legion-ci: the promotion holds; it is looked at again in ${pauseS} s, and until then no executor is held")
            sleep(time: pauseS, unit: 'SECONDS')
            waitedS += pauseS
            onAgent(arguments, ['promote'], [resumes: true, waitedS: waitedS]) { facts = it }
            pauseS = Promotion.pauseS(facts, waitedS)
        }
    } finally {
        if (arguments.notify) { arguments.notify.call(facts) }
    }
}

/**
 * Run some stages on an agent, then the report; the records of the run come (resumes) and go (leaves, or a promotion
 * that waits) by a stash. The site of a branch is removed before and after.
 */
private void onAgent(Map arguments, List<String> names, Map how, Closure reported) {
    Map<String, Closure> doors = [
        train: { legionTrain(it) },
        quality: { legionQuality(it) },
        package: { legionPackage(it) },
        deploy: { legionDeploy(it) },
        perf: { legionPerf(it) },
        promote: { new Promotion(this).look(it, how.waitedS ?: 0) },
    ]
    new Place(this, arguments).run {
        String bin = ''
        stage('Set up') {
            checkout scm
            bin = new Agent(this).bin()
            if (how.resumes) { unstash('legion-run') }
        }
        withEnv(['LEGION_BIN=' + bin]) {
            BranchSite site = new BranchSite(this, how.site ?: '', Arguments.only(arguments, 'legionStatus'))
            Map<String, String> last = [:]
            Map<String, Boolean> told = [resumed: how.resumes, broken: true]
            try {
                site.remove()
                timeout(time: arguments.timeoutMinutes ?: 720, unit: 'MINUTES') {
                    for (String name in names) {
                        extra('Before', arguments.before, name)
                        stage(name.capitalize()) { last = doors[name](Arguments.only(arguments, 'legion' + name.capitalize())) }
                        extra('After', arguments.after, name)
                    }
                }
                told = [resumed: how.resumes, goesOn: how.leaves || Promotion.pauseS(last, how.waitedS ?: 0) > 0]
                if (told.goesOn) { stash(name: 'legion-run', includes: new Agent(this).runFolder() + '/**') }
            } finally {
                try {
                    stage('Report') { reported(new Report(this, new Agent(this).runFolder()).run(Arguments.only(arguments, 'legionReport'), told)) }
                } finally {
                    site.remove()
                }
            }
        }
    }
}

private void extra(String when, Map closures, String name) {
    if (closures && closures[name]) { stage("${when} ${name}") { closures[name].call() } }
}
