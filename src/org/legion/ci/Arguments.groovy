package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** Checks the arguments of a step, and turns those of a task into its command line. */
class Arguments implements Serializable {
    private static final long serialVersionUID = 1L

    static final List<String> TASK = ['settings', 'set']
    static final List<String> FIRST = ['first']
    static final List<String> PIPELINE = ['settings', 'set', 'first', 'label', 'stages', 'timeoutMinutes']

    /** Throws IllegalArgumentException for the first unknown argument, naming the nearest known one. */
    @NonCPS
    static void check(String step, Map arguments, List<String> known) {
        for (Object name : arguments.keySet()) {
            if (!known.contains(name.toString())) {
                String near = Text.nearest(name.toString(), known)
                throw new IllegalArgumentException("${step}: there is no argument '${name}'; did you mean '${near}'? " +
                    "Known are: ${known.join(', ')}")
            }
        }
    }

    /** The options of a task: settings, set (a map or a list of KEY=VALUE), first. */
    @NonCPS
    static String options(Map arguments) {
        List<String> words = []
        if (arguments.settings) { words << '--settings ' + Text.quote(arguments.settings) }
        for (String one : assignments(arguments.set)) { words << '--set ' + Text.quote(one) }
        if (arguments.first) { words << '--first' }
        return words.join(' ')
    }

    @NonCPS
    private static List<String> assignments(Object set) {
        List<String> found = []
        if (set instanceof Map) {
            for (Map.Entry entry : ((Map) set).entrySet()) { found << "${entry.key}=${entry.value}".toString() }
        } else if (set instanceof List) {
            for (Object one : (List) set) { found << one.toString() }
        } else if (set != null) {
            found << set.toString()
        }
        return found
    }

    /** The arguments that a stage's step takes, out of those of the pipeline. */
    @NonCPS
    static Map forStage(String stage, Map arguments) {
        Map some = [:]
        for (String name : known(stage)) {
            if (arguments.containsKey(name)) { some[name] = arguments[name] }
        }
        return some
    }

    /** The names of a stage's arguments. */
    @NonCPS
    static List<String> known(String stage) {
        return stage in ['quality', 'deploy', 'promote'] ? TASK + FIRST : TASK
    }
}
