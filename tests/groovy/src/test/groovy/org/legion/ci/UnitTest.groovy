package org.legion.ci

import org.junit.Test

import static org.junit.Assert.*

class UnitTest {
    private static final Map<String, Class> CLASSES = [:]

    private static Class library(String name) {
        if (!CLASSES) {
            GroovyClassLoader source = new GroovyClassLoader(UnitTest.classLoader)
            source.addClasspath(new File(LibraryTest.ROOT, 'src').path)
            for (String one in ['Colour', 'Text', 'Facts', 'Arguments', 'OptionalStep']) { CLASSES[one] = source.loadClass('org.legion.ci.' + one) }
        }
        return CLASSES[name]
    }

    private final Class colour = library('Colour')
    private final Class text = library('Text')
    private final Class facts = library('Facts')
    private final Class arguments = library('Arguments')
    private final Class optional = library('OptionalStep')

    @Test void everyRowOfTheContractHasAColour() {
        for (Map row in PythonHalf.CONTRACT.findAll { it.stage != 'report' }) {
            Map left = row.verdict ? [("${row.stage}.verdict".toString()): row.verdict] : [:]
            String expected = [0: 'SUCCESS', 10: 'UNSTABLE', 130: 'ABORTED', 143: 'ABORTED'].getOrDefault(row.code, 'FAILURE')
            assertEquals row.toString(), expected, colour.of(row.stage, row.code, left).result
        }
    }

    @Test void aCodeThatContradictsTheRecordIsNeverGreenOrYellow() {
        for (String verdict in ['PASS', 'FAIL', 'INCONCLUSIVE', null]) {
            for (int code in [0, 1, 10]) {
                boolean agrees = [0: 'PASS', 1: 'FAIL', 10: 'INCONCLUSIVE'][code] == verdict
                String result = colour.of('perf', code, verdict ? ['perf.verdict': verdict] : [:]).result
                assertTrue "${verdict} ${code} ${result}", agrees || result == 'FAILURE'
            }
        }
    }

    @Test void anUnknownCodeFails() { assertEquals 'FAILURE', colour.of('train', 99, ['train.verdict': 'PASS']).result }

    @Test void wordsAreQuoted() {
        assertEquals "'a b'", text.quote('a b')
        assertEquals "'it'\\''s \$(x) `y`'", text.quote("it's \$(x) `y`")
    }

    @Test void factsKeepEverythingAfterTheFirstEqualsSign() {
        assertEquals(['a': 'b=c', 'd': ''], facts.parse("a=b=c\n\nd=\nnonsense\n"))
    }

    @Test void theNearestWordIsFound() {
        assertEquals 'settings', text.nearest('setings', arguments.PIPELINE)
        assertEquals 'timeoutMinutes', text.nearest('timeout', arguments.PIPELINE)
    }

    @Test void aMissingStepIsRecognisedByItsOwnNameOnly() {
        assertTrue optional.missing(new NoSuchMethodError("No such DSL method 'lock' found"), 'lock')
        assertFalse optional.missing(new NoSuchMethodError("No such DSL method 'other' found"), 'lock')
        assertFalse optional.missing(new IllegalStateException("No such DSL method 'lock' found"), 'lock')
        assertTrue optional.missing(new MissingMethodException('lock', UnitTest, [] as Object[]), 'lock')
    }
}
