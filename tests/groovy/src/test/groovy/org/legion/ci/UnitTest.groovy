package org.legion.ci

import org.junit.Test

import static org.junit.Assert.*

class UnitTest {
    private static final GroovyClassLoader LIBRARY = new GroovyClassLoader(UnitTest.classLoader)
    static { LIBRARY.addClasspath(new File(LibraryTest.ROOT, 'src').path) }

    private final Class colour = LIBRARY.loadClass('org.legion.ci.Colour')
    private final Class text = LIBRARY.loadClass('org.legion.ci.Text')
    private final Class facts = LIBRARY.loadClass('org.legion.ci.Facts')
    private final Class description = LIBRARY.loadClass('org.legion.ci.Description')
    private final Class branch = LIBRARY.loadClass('org.legion.ci.Branch')
    private final Class promotion = LIBRARY.loadClass('org.legion.ci.Promotion')
    private final Class optional = LIBRARY.loadClass('org.legion.ci.OptionalStep')

    @Test void everyEndingInTheTableHasTheColourOfTheDesign() {
        for (Map row in PythonHalf.CONTRACT.findAll { !(it.stage in ['report', 'plan', 'status', 'rollback', 'branch.remove', 'schedule.due']) }) {
            Map left = row.verdict ? [("${row.stage}.verdict".toString()): row.verdict] : [:]
            String expected = [0: 'SUCCESS', 10: 'UNSTABLE', 130: 'ABORTED', 143: 'ABORTED'].getOrDefault(row.code, 'FAILURE')
            assertEquals row.toString(), expected, colour.of(row.stage, row.code, left).result
        }
    }

    @Test void aCodeThatContradictsTheRecordIsNeverGreenOrYellow() {
        Map<String, Integer> agreeing = [PASS: 0, FAIL: 1, INCONCLUSIVE: 10]
        for (String verdict in ['PASS', 'FAIL', 'INCONCLUSIVE', null]) {
            for (int code in [0, 1, 10]) {
                String result = colour.of('perf', code, verdict ? ['perf.verdict': verdict] : [:]).result
                assertTrue "${verdict} ${code} ${result}", agreeing[verdict] == code || result == 'FAILURE'
            }
        }
    }

    @Test void aVerdictOfAnotherStageDoesNotCount() { assertEquals 'FAILURE', colour.of('perf', 0, ['train.verdict': 'PASS']).result }

    @Test void anUnknownCodeFails() { assertEquals 'FAILURE', colour.of('train', 99, ['train.verdict': 'PASS']).result }

    @Test void whatAGateSaidIsTold() {
        Map said = ['perf.verdict': 'INCONCLUSIVE', 'perf.reason': 'too_short', 'perf.summary': 'p99 40 to 60 ms']
        assertEquals 'perf: INCONCLUSIVE (too_short): p99 40 to 60 ms', colour.of('perf', 10, said).message
    }

    @Test void aQuotedWordComesThroughTheShellAsItWas() {
        for (String word in ["it's \$(x) `y` \"z\" \\", '', '-n *', "two\nlines ü'"]) {
            Process shell = ['sh', '-c', "printf %s ${text.quote(word)}".toString()].execute()
            assertEquals word, shell.inputStream.getText('UTF-8')
        }
    }

    @Test void aRunIdIsSafeAndKeepsTheBuildNumberOfALongTag() {
        assertEquals 'jenkins-a-b-7', text.runId('jenkins-a/b-7')
        assertEquals 'jenkins', text.runId('../')
        String id = text.runId('jenkins-' + 'x/' * 200 + '-1234')
        assertTrue id, id ==~ /[A-Za-z0-9][A-Za-z0-9._-]{0,120}/ && id.endsWith('-1234')
    }

    @Test void theLastLineIsFoundAmongOthers() { assertEquals '/opt/bin', text.lastLine('noise\n\n/opt/bin\n\n') }

    @Test void factsKeepEverythingAfterTheFirstEqualsSign() {
        assertEquals(['a': 'b=c', 'd': ''], facts.parse("a=b=c\n\nd=\nnonsense\n"))
    }

    @Test void theNearestWordIsFound() {
        assertEquals 'config', text.nearest('confg', description.names('legionPipeline'))
        assertEquals 'timeoutMinutes', text.nearest('timeout', description.names('legionPipeline'))
    }

    @Test void aMissingStepIsRecognisedByItsOwnNameOnly() {
        assertTrue optional.missing(new NoSuchMethodError("No such DSL method 'lock' found among steps"), 'lock')
        assertFalse optional.missing(new NoSuchMethodError("No such DSL method 'other' found among steps"), 'lock')
        assertFalse optional.missing(new IllegalStateException("No such DSL method 'lock' found among steps"), 'lock')
        assertTrue optional.missing(new MissingMethodException('lock', UnitTest, [] as Object[]), 'lock')
        assertFalse optional.missing(new MissingMethodException('other', UnitTest, [] as Object[]), 'lock')
    }

    @Test void everyBranchHasASiteThatTheSettingsTakeAndNoTwoHaveTheSame() {
        List<String> names = ['branch-x', 'branch-X', 'branch-feature/x', 'branch-feature-x', 'branch-' + 'y' * 99, 'branch-' + 'y' * 98, 'branch-ü', 'branch-ö', 'branch---']
        List<String> labels = names.collect { branch.label(it) }
        assertEquals labels.toString(), names.size(), labels.toSet().size()
        labels.each { assertTrue it, it ==~ /[a-z]([-a-z0-9]{0,61}[a-z0-9])?/ }
    }

    @Test void aBuildWaitsOnlyForAPromotionThatHoldsAndNotLongerThanItMay() {
        Map held = ['promote.verdict': 'INCONCLUSIVE', 'promote.next_look_at': 'soon', 'promote.in_build_s': '120', 'promote.look_every_s': '60']
        assertEquals([60, 60, 0], [0, 60, 120].collect { promotion.pauseS(held, it) })
        assertEquals 0, promotion.pauseS(held + ['promote.next_look_at': ''], 0)
        assertEquals 0, promotion.pauseS(held + ['promote.verdict': 'PASS'], 0)
        assertEquals 1, promotion.pauseS(held + ['promote.look_every_s': '0'], 0)
        assertEquals 0, promotion.pauseS([:], 0)
    }

    @Test void everyStepIsDescribed() {
        List<String> steps = new File(LibraryTest.ROOT, 'vars').list().findAll { it.endsWith('.groovy') }*.replace('.groovy', '')
        assertEquals steps.toSet(), description.files().toSet()
    }

    /** -Dgolden.update=true writes them. */
    @Test void helpAndReferenceAreWhatTheDescriptionSays() {
        Map<File, String> pages = description.files().collectEntries { [(new File(LibraryTest.ROOT, "vars/${it}.txt")): description.help(it)] }
        File reference = new File(LibraryTest.ROOT, 'docs/reference/steps.md')
        String now = reference.text
        pages[reference] = now.substring(0, now.indexOf('## `')) + description.STEPS.keySet().collect { description.section(it) }.join('\n') +
            '\n' + now.substring(now.indexOf('## Facts'))
        pages.each { File file, String text ->
            if (System.getProperty('golden.update') == 'true') { file.text = text }
            assertEquals "${file.name}; if the change is wanted: mvn test -Dgolden.update=true", text, file.file ? file.text : ''
        }
    }
}
