import org.legion.ci.Agent
import org.legion.ci.Arguments
import org.legion.ci.Colour
import org.legion.ci.Facts
import org.legion.ci.Report

/** Writes, archives and publishes the run's report, and describes the build; see legionReport.txt. */
Map<String, String> call(Map arguments = [:]) {
    String wrong = Arguments.problems('legionReport', arguments)
    if (wrong) { error(wrong) }
    Agent agent = new Agent(this)
    int code = agent.call('report', arguments)
    if (code != 0) {
        // No error(): it would hide the one that a stage has ended the build with.
        echo("legion-ci: report: ${Colour.meaning(code)}")
        currentBuild.result = 'FAILURE'
    }
    new Report(this, agent.runFolder()).publish()
    Map<String, String> facts = agent.facts()
    currentBuild.description = Facts.describe(facts)
    return facts
}
