import org.legion.ci.Stage

/** Stage `package`; see legionPackage.txt. */
Map<String, String> call(Map arguments = [:]) {
    return new Stage(this, 'package').run(arguments)
}
