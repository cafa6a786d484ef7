package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** What the steps take: finds everything that is wrong with arguments, and turns those of a task into its command line. */
class Arguments implements Serializable {
    private static final long serialVersionUID = 1L
    private static final List<String> STAGES = Description.STAGES

    /** All that is wrong, one sentence after the other; an empty text when nothing is. */
    @NonCPS
    static String problems(String step, Map arguments) {
        List<String> known = Description.names(step)
        List<String> found = []
        for (Map.Entry entry : arguments.entrySet()) {
            String name = entry.key
            if (!known.contains(name)) {
                found << unknown(name, known)
            } else if (entry.value != null && !fits(name, entry.value)) {
                found << "${name} is ${Description.of(step)[name][0]} (found ${Text.quote(entry.value)})".toString()
            }
        }
        if (!found && arguments.stages) { found.addAll(misplaced((List) arguments.stages)) }
        return found ? "${step}: ${found.join('; ')}".toString() : ''
    }

    @NonCPS
    private static String unknown(String name, List<String> known) {
        if (!known) { return "there is no argument '${name}', it takes none".toString() }
        return "there is no argument '${name}', did you mean '${Text.nearest(name, known)}'? Known are ${known.join(', ')}".toString()
    }

    @NonCPS
    private static boolean fits(String name, Object value) {
        switch (name) {
            case 'set': return value instanceof Map || value instanceof List && ((List) value).every { it.toString().contains('=') }
            case ['first', 'manage']: return value instanceof Boolean
            case 'agent': return value instanceof CharSequence || value instanceof Map && isPlace((Map) value)
            case ['environment', 'credentials']: return value instanceof Map
            case ['before', 'after']: return value instanceof Map && ((Map) value).every { STAGES.contains(it.key.toString()) && it.value instanceof Closure }
            case 'approve': return value instanceof Boolean || value instanceof Map && ((Map) value).keySet().every { it in ['submitter', 'days'] }
            case 'notify': return value instanceof Closure
            case 'stages': return value instanceof List && !((List) value).empty
            case ['count', 'deploytimeout', 'livenesstimeout', 'readinesstimeout']: return value instanceof Number && value > 0
            case 'timeoutMinutes': return value instanceof Number && value > 0
            default: return value instanceof CharSequence
        }
    }

    @NonCPS
    private static boolean isPlace(Map agent) {
        return agent.keySet().every { it in ['label', 'docker', 'kubernetes'] } && !(agent.docker && agent.kubernetes)
    }

    @NonCPS
    private static List<String> misplaced(List<?> stages) {
        List<String> names = stages*.toString()
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

    /** Those of a pipeline's arguments that one of its steps takes; config is their settings. */
    @NonCPS
    static Map only(Map arguments, String step) {
        Map named = arguments.config ? arguments + [settings: arguments.config] : arguments
        return named.findAll { Description.names(step).contains(it.key.toString()) }
    }
}
