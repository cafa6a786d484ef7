package org.legion.ci

/** Stands for `legion-ci`: ends only as contract.csv says that it can, and leaves the facts that go with it. */
class PythonHalf {
    static final List<Map> CONTRACT = PythonHalf.getResource('/contract.csv').readLines().drop(1).collect { String line ->
        List<String> cells = line.split(',', -1) as List<String>
        [stage: cells[0], code: cells[1] as int, verdict: cells[2], reason: cells[3]]
    }
    static final String BIN = '/opt/legion/bin'

    final List<String> commands = []
    boolean losesFacts = false
    String times = ''               // what schedule.cron prints
    String waits = ''               // what schedule.resume prints
    String due                      // schedule.due: true or false, null without a schedule
    private final Map<String, Map> endings = [:]
    private final Map<String, List<Map>> queues = [:]
    String inBuildS = '0'
    private final Map<String, String> verdicts = [:]
    private final Map<String, String> facts = [:]

    /** Let a stage end with a code; the table must have it. */
    PythonHalf ending(String stage, int code) {
        endings[stage] = row(stage, code)
        return this
    }

    private static Map row(String stage, int code) {
        Map found = CONTRACT.find { it.stage == stage && it.code == code }
        assert found: "contract.csv: the Python half never ends ${stage} with ${code}"
        return found
    }

    /** Let a stage end with one code after the other. */
    PythonHalf endings(String stage, List<Integer> codes) {
        queues[stage] = codes.collect { row(stage, it) }
        return this
    }

    /** The tasks that were called, in order. */
    List<String> tasks() { commands.collect { task(it) } }

    private static String task(String command) { command.replace("'${BIN}/legion-ci' ", '').split(' ')[0] }

    /** The sh step. */
    Object sh(Map step) {
        String command = step.script
        if (command.startsWith('sh .legion/bootstrap.sh ')) { return "${BIN}\n".toString() }
        assert command.startsWith("'${BIN}/legion-ci' ")
        commands << command
        if (task(command) in ['schedule.cron', 'schedule.resume']) {
            assert step.returnStdout
            return "${task(command) == 'schedule.cron' ? times : waits}\n".toString()
        }
        assert step.returnStatus
        Map ended = queues[task(command)] ? queues[task(command)].remove(0) : endings[task(command)] ?: row(task(command), 0)
        if (!losesFacts) { remember(ended) }
        return ended.code
    }

    /** Written by Python after a stage that ended with a verdict. */
    private void remember(Map ended) {
        if (ended.stage == 'schedule.due' && ended.code == 0 && due) { facts.putAll(['schedule.due': due, 'schedule.why': 'drift in alcohol']) }
        if (!ended.verdict) { return }
        String stage = ended.stage
        facts.putAll(['run.id': 'jenkins-wine-7', 'schema_version': '1'])
        facts.putAll([verdict: ended.verdict, reason: ended.reason, summary: "the summary of ${stage}".toString(),
                      exit_code: ended.code.toString()].collectEntries { k, v -> ["${stage}.${k}".toString(), v] })
        if (stage == 'train') { facts.putAll(['model.name': 'wine', 'model.version': '3', 'artefact.digest': 'sha256:abc', 'artefact.uri': 'file:///models/wine']) }
        if (stage == 'deploy') { facts.putAll(['deploy.use': 'local']) }
        if (stage == 'promote') {
            facts.putAll(['promote.next_look_at': ended.code == 10 ? '2026-11-21T13:00:00Z' : '', 'promote.in_build_s': inBuildS, 'promote.look_every_s': '60'])
        }
        verdicts[stage] = ended.verdict
        facts['run.summary'] = verdicts.collect { k, v -> "${k} ${v}" }.join(', ')
    }

    /** Whether a file of the report is there. */
    boolean has(String path) { !path.contains('/report/') || tasks().contains('report') && (!path.endsWith('perf.jtl') || tasks().contains('perf')) }

    boolean hasFacts() { !facts.isEmpty() }

    String facts() { facts.collect { k, v -> "${k}=${v}" }.join('\n') + '\n' }
}
