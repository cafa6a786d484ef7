package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** The facts of a run: lines of key=value that the Python half writes after each stage. */
class Facts implements Serializable {
    private static final long serialVersionUID = 1L

    /** The value is all after the first '='. */
    @NonCPS
    static Map<String, String> parse(String text) {
        Map<String, String> facts = [:]
        for (String line : text.split('\n')) {
            int at = line.indexOf('=')
            if (at > 0) { facts[line.substring(0, at).trim()] = line.substring(at + 1).trim() }
        }
        return facts
    }

    /** Those of the facts that are about the model, under short names; what is not known yet is left out. */
    @NonCPS
    static Map<String, String> model(Map<String, String> facts) {
        Map<String, String> names = [name: 'model.name', version: 'model.version', digest: 'artefact.digest', uri: 'artefact.uri',
                                     mlflowRun: 'mlflow.run', commit: 'commit', deployment: 'deployment', url: 'url']
        return names.findAll { facts[it.value] }.collectEntries { name, fact -> [(name): facts[fact]] }
    }

    /** The model's name and version, as far as they are known. */
    @NonCPS
    static String name(Map<String, String> facts) { return "${facts['model.name'] ?: 'no model'} ${facts['model.version'] ?: ''}".trim() }

    /** The description of a build: model, version, and what each stage said. */
    @NonCPS
    static String describe(Map<String, String> facts) {
        String why = facts['schedule.due'] == 'true' ? "; retrained by itself: ${facts['schedule.why']}" : ''
        return "${name(facts)}: ${facts['run.summary'] ?: 'no stage ended with a verdict'}${why}"
    }
}
