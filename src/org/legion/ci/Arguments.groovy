package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** What the steps take: finds everything that is wrong with arguments, and turns those of a task into its command line. */
class Arguments implements Serializable {
    private static final long serialVersionUID = 1L

    static final List<String> STAGES = ['train', 'quality', 'package', 'deploy', 'perf', 'promote']
    static final List<String> TASK = ['settings', 'set']
    static final List<String> PIPELINE = ['settings', 'set', 'first', 'label', 'stages', 'timeoutMinutes']
    private static final List<String> TAKE_FIRST = ['quality', 'deploy', 'promote']
    private static final Map<String, String> KINDS = [
        settings: 'a text', set: "a map, or a list of 'KEY=VALUE'", first: 'true or false', label: 'a text',
        stages: 'a list of stages', timeoutMinutes: 'a number above zero',
    ]

    /** The names of the arguments of a stage's step. */
    @NonCPS
    static List<String> of(String stage) {
        return TAKE_FIRST.contains(stage) ? TASK + ['first'] : TASK
    }

    /** All that is wrong, one sentence after the other; an empty text when nothing is. */
    @NonCPS
    static String problems(String step, Map arguments, List<String> known) {
        List<String> found = []
        for (Map.Entry entry : arguments.entrySet()) {
            String name = entry.key.toString()
            if (!known.contains(name)) {
                found << "there is no argument '${name}', did you mean '${Text.nearest(name, known)}'? Known are ${known.join(', ')}".toString()
            } else if (entry.value != null && !fits(name, entry.value)) {
                found << "${name} is ${KINDS[name]} (found ${Text.quote(entry.value)})".toString()
            }
        }
        if (!found && arguments.stages) { found.addAll(misplaced((List) arguments.stages)) }
        return found ? "${step}: ${found.join('; ')}".toString() : ''
    }

    @NonCPS
    private static boolean fits(String name, Object value) {
        switch (name) {
            case 'set': return value instanceof Map || value instanceof List && ((List) value).every { it.toString().contains('=') }
            case 'first': return value instanceof Boolean
            case 'stages': return value instanceof List && !((List) value).empty
            case 'timeoutMinutes': return value instanceof Number && value > 0
            default: return value instanceof CharSequence
        }
    }

    @NonCPS
    private static List<String> misplaced(List<?> stages) {
        List<String> names = stages.collect { it.toString() }
        List<String> unknown = names.findAll { !STAGES.contains(it) }
        if (unknown) { return unknown.collect { "there is no stage '${it}', did you mean '${Text.nearest(it, STAGES)}'?".toString() } }
        return names == STAGES.findAll { names.contains(it) } ? [] : ["stages are out of order, or twice (found ${names.join(', ')})".toString()]
    }

    /** The options of a task: --settings, --set for each setting, --first. */
    @NonCPS
    static String options(Map arguments) {
        List<String> words = []
        if (arguments.settings) { words << '--settings ' + Text.quote(arguments.settings) }
        for (Object one : assignments(arguments.set)) { words << '--set ' + Text.quote(one) }
        if (arguments.first) { words << '--first' }
        return words.join(' ')
    }

    @NonCPS
    private static List<?> assignments(Object set) {
        return set instanceof Map ? ((Map) set).collect { name, value -> "${name}=${value}".toString() } : (List) set ?: []
    }

    /** Those of the arguments that have one of these names. */
    @NonCPS
    static Map only(Map arguments, List<String> names) {
        return arguments.findAll { names.contains(it.key.toString()) }
    }
}
