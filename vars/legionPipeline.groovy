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
import org.legion.ci.Schedule

/** The whole story: preflight, set up, the six stages in order, the report whatever happened; see legionPipeline.txt. */
void call(Map arguments = [:]) {
    String wrong = Arguments.problems('legionPipeline', arguments)
    if (wrong) { error(wrong) }
    Branch branch = new Branch(this)
    List<String> without = new Preflight(this, arguments).missing()
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
        if (asks) {
            boolean begins = names == ['promote']
            if (!begins) { onAgent(arguments, names - 'promote', [site: site, leaves: true, begins: true]) { facts = it } }
            if (facts['schedule.due'] == 'false') { return }
            stage('Approve') { new Approval(this).ask(arguments.approve, facts) }
            onAgent(Place.staying(arguments, facts), ['promote'], [resumes: !begins]) { facts = it }
        } else {
            onAgent(arguments, names, [site: site, begins: true]) { facts = it }
        }
        int waitedS = 0
        int pauseS = Promotion.pauseS(facts, waitedS)
        while (pauseS > 0) {
            echo("legion-ci: the promotion holds; it is looked at again in ${pauseS} s, and until then no executor is held")
            sleep(time: pauseS, unit: 'SECONDS')
            waitedS += pauseS
            onAgent(Place.staying(arguments, facts), ['promote'], [resumes: true, waitedS: waitedS]) { facts = it }
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
            Map ours = Arguments.only(arguments, 'legionStatus')
            Map<String, String> refused = how.begins && !how.site ? scheduled(arguments.manage == true, ours) : [:]
            if (refused) {
                reported(refused)
                return
            }
            Agent agent = new Agent(this, arguments.config)
            BranchSite site = new BranchSite(this, how.site ?: '', ours)
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
                if (told.goesOn) { stash(name: 'legion-run', includes: agent.runFolder() + '/**') }
            } finally {
                try {
                    stage('Report') {
                        Map<String, String> facts = new Report(this, arguments.config).run(Arguments.only(arguments, 'legionReport'), told)
                        reported(facts + ['agent.node': env.NODE_NAME ?: ''])
                    }
                } finally {
                    site.remove()
                }
            }
        }
    }
}

/** On the main branch: set the job's triggers where that is wished for, and ask whether a timer's build is due. */
private Map<String, String> scheduled(boolean manage, Map arguments) {
    Schedule schedule = new Schedule(this, arguments)
    if (manage) { schedule.manage() }
    return schedule.refusal()
}

private void extra(String when, Map closures, String name) {
    if (closures && closures[name]) { stage("${when} ${name}") { closures[name].call() } }
}
