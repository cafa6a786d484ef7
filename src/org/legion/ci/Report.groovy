package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** Writes a run's report, archives it with the records, and publishes it where the plug-ins for it are there. */
class Report implements Serializable {
    private static final long serialVersionUID = 1L
    private static final Map<String, String> CONCLUSIONS = [FAIL: 'FAILURE', INCONCLUSIVE: 'NEUTRAL', PASS: 'SUCCESS']
    private static final int LONGEST_TEXT = 60000

    private final Object steps
    private final Object settings
    private String folder
    private String report

    /** settings: the configuration file of the model, as Agent's. */
    Report(Object steps, Object settings) {
        this.steps = steps
        this.settings = settings
    }

    /**
     * Write and publish the report, and describe the build; returns the facts. resumed: an earlier agent of this build has
     * published its part, and plug-ins take nothing twice. goesOn: another agent of this build will follow. broken: a
     * stage has ended the build.
     */
    Map<String, String> run(Map arguments, Map<String, Boolean> how = [:]) {
        Map<String, String> facts = write(arguments)
        if (!how.resumed) { first() }
        if (!how.goesOn) { last(facts, how) }
        describe(facts)
        return facts
    }

    /** Write and archive the report, and publish one stage's part of it alone: plug-ins take nothing twice. */
    Map<String, String> part(Map arguments, String stage) {
        Map<String, String> facts = write(arguments)
        junit("/junit-${stage}.xml")
        if (stage == 'perf') { load() }
        describe(facts)
        return facts
    }

    private Map<String, String> write(Map arguments) {
        Agent agent = new Agent(steps, settings)
        folder = agent.runFolder()
        report = folder + '/report'
        int code = agent.call('report', arguments)
        if (code != 0) {
            // No error(): it would hide the one that a stage has ended the build with.
            steps.echo("legion-ci: report: ${Colour.meaning(code)}")
            steps.currentBuild.result = 'FAILURE'
        }
        archive()
        return agent.facts()
    }

    /** Before anything else: it is what is left where a plug-in is missing. */
    private void archive() {
        steps.archiveArtifacts(artifacts: "${folder}/*.json, ${folder}/*.properties, ${folder}/documents/**, ${report}/**", allowEmptyArchive: true)
        optional('publishHTML', [target: [reportDir: report, reportFiles: 'index.html', reportName: 'Model report', keepAll: true,
                                          alwaysLinkToLastBuild: true, allowMissing: true]])
    }

    private void first() {
        junit('/junit-*.xml')
        if (steps.fileExists(report + '/issues.json') && new OptionalStep(steps, 'recordIssues').there()) {
            optional('recordIssues', [tool: steps.issues(pattern: report + '/issues.json', id: 'legion-ci', name: 'legion-ci')])
        }
        load()
    }

    private void load() {
        if (steps.fileExists(report + '/perf.jtl')) {
            optional('perfReport', [sourceDataFiles: report + '/perf.jtl', errorFailedThreshold: -1, errorUnstableThreshold: -1])
        }
    }

    private void last(Map<String, String> facts, Map<String, Boolean> how) {
        if (how.resumed) { junit('/junit-promote.xml') }
        optional('addInfoBadge', [text: Facts.describe(facts)])
        if (steps.env.CHANGE_ID) { comment(facts, how.broken ? 'FAILURE' : conclusion(facts)) }
    }

    private void junit(String files) { optional('junit', [testResults: report + files, allowEmptyResults: true, skipMarkingBuildUnstable: true]) }

    private void comment(Map<String, String> facts, String conclusion) {
        String summary = report + '/summary.md'
        String text = steps.fileExists(summary) ? steps.readFile(summary) : ''
        optional('publishChecks', [name: 'legion-ci', title: Facts.describe(facts), summary: text.take(LONGEST_TEXT), status: 'COMPLETED',
                                   conclusion: conclusion, detailsURL: steps.env.BUILD_URL ?: ''])
    }

    private void describe(Map<String, String> facts) {
        if (steps.env.BUILD_NUMBER && facts['model.name']) { steps.currentBuild.displayName = "#${steps.env.BUILD_NUMBER} ${Facts.name(facts)}" }
        steps.currentBuild.description = Facts.describe(facts)
    }

    private void optional(String step, Map arguments) { new OptionalStep(steps, step).call(arguments) }

    /** The worst verdict counts; a run without any says nothing good. */
    @NonCPS
    static String conclusion(Map<String, String> facts) {
        List<String> verdicts = Description.STAGES.collect { facts[it + '.verdict'] }.findAll()
        return CONCLUSIONS.find { verdicts.contains(it.key) }?.value ?: 'FAILURE'
    }
}
