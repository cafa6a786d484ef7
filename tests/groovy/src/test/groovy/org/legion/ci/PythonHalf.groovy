package org.legion.ci

/** Stands for `legion-ci`: ends only with codes of contract.csv, and leaves the facts that go with them. */
class PythonHalf {
    static final List<Map> CONTRACT = PythonHalf.getResource('/contract.csv').readLines().drop(1).collect { String line ->
        List<String> cells = line.split(',', -1) as List<String>
        [stage: cells[0], code: cells[1] as int, verdict: cells[2], reason: cells[3]]
    }

    final Map<String, Integer> codes = [:]
    final Map<String, String> facts = ['run.id': 'jenkins-wine-7']
    boolean loseFacts = false
    List<String> commands = []

    /** Let a stage end with a code; the table must have it. */
    PythonHalf ending(String stage, int code) {
        assert CONTRACT.any { it.stage == stage && it.code == code }: "the Python half never ends ${stage} with ${code}"
        codes[stage] = code
        return this
    }

    /** The mock of the sh step. */
    Object sh(Map step) {
        if (step.returnStdout) { return "installing\n/opt/legion/bin\n" }
        commands << step.script.toString()
        String task = step.script.toString().replaceAll(/^'[^']*' /, '').split(' ')[0]
        Map row = CONTRACT.find { it.stage == task && it.code == codes.getOrDefault(task, 0) }
        assert row: "no such task: ${step.script}"
        if (!loseFacts) { remember(task, row) }
        return row.code
    }

    private void remember(String task, Map row) {
        if (task == 'train' && row.code == 0) { facts.putAll(['model.name': 'wine', 'model.version': '3']) }
        if (row.verdict) {
            facts.putAll([("${task}.verdict".toString()): row.verdict, ("${task}.reason".toString()): row.reason,
                          ("${task}.summary".toString()): "the ${task} summary".toString()])
            facts['run.summary'] = [facts['run.summary'], "${task} ${row.verdict}"].findAll().join(', ')
        }
    }

    String properties() { facts.collect { k, v -> "${k}=${v}" }.join('\n') + '\n' }
}
