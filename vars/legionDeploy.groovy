import org.legion.ci.Stage

/** Stage `deploy`; see legionDeploy.txt. */
Map<String, String> call(Map arguments = [:]) {
    return new Stage(this, 'deploy').run(arguments)
}
