import org.legion.ci.Agent
import org.legion.ci.OptionalStep
import org.legion.ci.Stage

/** Stage `promote`, one build at a time, never an older build after a newer; see legionPromote.txt. */
Map<String, String> call(Map arguments = [:]) {
    Map<String, String> facts = [:]
    String model = new Agent(this).facts()['model.name'] ?: env.JOB_NAME ?: 'model'
    new OptionalStep(this, 'lock', 'lockable-resources').around(resource: 'legion-promote-' + model, inversePrecedence: true) {
        new OptionalStep(this, 'milestone', 'pipeline-milestone-step').call(label: 'promote ' + model)
        facts = new Stage(this, 'promote').run(arguments)
    }
    return facts
}
