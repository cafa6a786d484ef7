import org.legion.ci.OptionalStep
import org.legion.ci.Stage

/** Stage `promote`, by one build at a time; see legionPromote.txt. */
Map<String, String> call(Map arguments = [:]) {
    Map<String, String> facts = [:]
    new OptionalStep(this).around('lock', [resource: "legion-promote-${env.JOB_NAME ?: 'job'}"], 'lockable-resources') {
        facts = new Stage(this, 'promote').run(arguments)
    }
    return facts
}
