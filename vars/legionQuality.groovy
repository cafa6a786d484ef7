import org.legion.ci.Stage

/** Stage `quality`; see legionQuality.txt. */
Map<String, String> call(Map arguments = [:]) {
    return new Stage(this, 'quality').run(arguments)
}
