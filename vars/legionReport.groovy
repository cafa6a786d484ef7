import org.legion.ci.Arguments
import org.legion.ci.Report

/** Writes, archives and publishes the run's report, and describes the build; see legionReport.txt. */
Map<String, String> call(Map arguments = [:]) {
    String wrong = Arguments.problems('legionReport', arguments)
    if (wrong) { error(wrong) }
    return new Report(this, arguments.settings).run(arguments)
}
