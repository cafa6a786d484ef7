import org.legion.ci.Stage

/** Stage `perf`; see legionPerf.txt. */
Map<String, String> call(Map arguments = [:]) {
    return new Stage(this, 'perf').run(arguments)
}
