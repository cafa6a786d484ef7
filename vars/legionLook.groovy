import org.legion.ci.Look

/** Looks again at a promotion that waits, and reports; see legionLook.txt. */
Map<String, String> call(Map arguments = [:]) {
    return new Look(this).run(arguments)
}
