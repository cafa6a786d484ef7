import org.legion.ci.Agent
import org.legion.ci.Arguments
import org.legion.ci.Facts

/** What is known of the model of this run; see legionModel.txt. */
Map<String, String> call(Map arguments = [:]) {
    String wrong = Arguments.problems('legionModel', arguments)
    if (wrong) { error(wrong) }
    return Facts.model(new Agent(this, arguments.settings).facts())
}
