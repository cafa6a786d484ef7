import org.legion.ci.Agent
import org.legion.ci.Arguments
import org.legion.ci.Facts
import org.legion.ci.OptionalStep

/** Writes, publishes and archives the run's report; see legionReport.txt. */
Map<String, String> call(Map arguments = [:]) {
    Arguments.check('legionReport', arguments, Arguments.TASK)
    Agent agent = new Agent(this)
    String folder = agent.runFolder()
    int code = agent.call('report', Arguments.options(arguments))
    if (code != 0) { echo "legion-ci: the report could not be written (exit code ${code}), see above" }
    OptionalStep optional = new OptionalStep(this)
    optional.call('junit', [testResults: "${folder}/report/junit-*.xml", allowEmptyResults: true, skipMarkingBuildUnstable: true], 'junit')
    optional.call('publishHTML', [target: [reportDir: "${folder}/report", reportFiles: 'index.html', reportName: 'Model report',
                                           keepAll: true, alwaysLinkToLastBuild: true, allowMissing: true]], 'htmlpublisher')
    archiveArtifacts artifacts: "${folder}/*.json,${folder}/*.properties,${folder}/report/**", allowEmptyArchive: true
    Map<String, String> facts = agent.facts()
    currentBuild.description = Facts.describe(facts)
    return facts
}
