import org.legion.ci.Promotion

/** Stage `promote`: one look, one build at a time, never an older build after a newer; see legionPromote.txt. */
Map<String, String> call(Map arguments = [:]) {
    return new Promotion(this).look(arguments, Integer.MAX_VALUE / 2 as int)
}
