import org.legion.ci.Stage

/** Stage `train`; see legionTrain.txt. */
Map<String, String> call(Map arguments = [:]) {
    return new Stage(this, 'train').run(arguments)
}
