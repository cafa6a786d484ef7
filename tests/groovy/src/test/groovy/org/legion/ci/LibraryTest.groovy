package org.legion.ci

import com.lesfurets.jenkins.unit.BasePipelineTest
import com.lesfurets.jenkins.unit.MethodCall
import com.lesfurets.jenkins.unit.global.lib.LibraryConfiguration
import com.lesfurets.jenkins.unit.global.lib.SourceRetriever
import org.junit.Before

import static org.junit.Assert.assertEquals

/** A pipeline that uses the library on a controller that has every step; golden call stacks. */
abstract class LibraryTest extends BasePipelineTest {
    static final File ROOT = new File('../..').canonicalFile
    private static final File GOLDEN = new File('src/test/resources/golden')

    /** What preflight asks for. */
    static final List<String> STEPS = ['checkout', 'stash', 'timeout', 'withCredentials', 'podTemplate', 'input', 'lock', 'milestone', 'junit', 'publishHTML',
                                       'recordIssues', 'perfReport', 'publishChecks', 'addInfoBadge']

    PythonHalf python
    Build build
    Throwable error

    @Override @Before
    void setUp() throws Exception {
        scriptRoots = [ROOT.path] as String[]
        scriptExtension = ''
        super.setUp()
        python = new PythonHalf()
        build = new Build()
        Environment environment = new Environment()
        [scm: [:], params: [:], currentBuild: build, env: environment].each { name, value -> binding.setVariable(name, value) }
        registerSteps(environment)
        SourceRetriever here = { String repository, String branch, String path -> [ROOT.toURI().toURL()] }
        helper.registerSharedLibrary(LibraryConfiguration.library().name('legion-ci').defaultVersion('main').allowOverride(true)
            .implicit(false).targetPath(ROOT.path).retriever(here).build())
    }

    private void registerSteps(Environment environment) {
        for (String step in ['node', 'stage']) {
            helper.registerAllowedMethod(step, [String, Closure], { String name, Closure body -> helper.callClosure(body) })
        }
        for (String step in ['timeout', 'lock', 'podTemplate']) {
            helper.registerAllowedMethod(step, [Map, Closure], { Map a, Closure body -> helper.callClosure(body) })
        }
        helper.registerAllowedMethod('withEnv', [List, Closure], { List added, Closure body -> environment.with(added) { helper.callClosure(body) } })
        for (String step in ['junit', 'publishHTML', 'archiveArtifacts', 'writeFile', 'milestone', 'stash', 'input', 'sleep', 'recordIssues', 'perfReport', 'publishChecks', 'addInfoBadge']) {
            helper.registerAllowedMethod(step, [Map], null)
        }
        helper.registerAllowedMethod('checkout', [Object], null)
        helper.registerAllowedMethod('unstash', [String], null)
        for (String step in STEPS) { helper.registerAllowedMethod(step, [String, String], { String a, String b -> throw new IllegalArgumentException("Expected named arguments but got [${a}, ${b}]") }) }
        helper.registerAllowedMethod('issues', [Map], { Map a -> a })
        helper.registerAllowedMethod('isUnix', [], { true })
        helper.registerAllowedMethod('properties', [List], null)
        helper.registerAllowedMethod('disableConcurrentBuilds', [], { 'disableConcurrentBuilds' })
        helper.registerAllowedMethod('pipelineTriggers', [List], { List triggers -> "pipelineTriggers(${triggers})".toString() })
        helper.registerAllowedMethod('cron', [String], { String times -> "cron(${times})".toString() })
        helper.registerAllowedMethod('container', [String, Closure], { String name, Closure body -> helper.callClosure(body) })
        helper.registerAllowedMethod('string', [Map], { Map a -> a })
        helper.registerAllowedMethod('withCredentials', [List, Closure], { List bound, Closure body -> helper.callClosure(body) })
        helper.registerAllowedMethod('echo', [String], null)
        helper.registerAllowedMethod('error', [String], { String message -> throw new IllegalStateException(message) })
        helper.registerAllowedMethod('libraryResource', [String], { String path -> new File(ROOT, "resources/${path}").text })
        helper.registerAllowedMethod('fileExists', [String], { String path -> python.hasFacts() && python.has(path) })
        helper.registerAllowedMethod('readFile', [String], { String path -> path.endsWith('.properties') ? python.facts() : '## wine 3' })
        helper.registerAllowedMethod('sh', [Map], { Map step -> python.sh(step) })
    }

    /** Take a step away, as on a controller without its plug-in. */
    void removeStep(String name) {
        Closure missing = { Object... a -> throw new NoSuchMethodError("No such DSL method '${name}' found among steps [echo]".toString()) }
        [name == 'lock' ? [Map, Closure] : [Map], [String, String]].each { helper.registerAllowedMethod(name, it, missing) }
    }

    /** Run a pipeline; returns what Jenkins would show. The error that it ended with, if any, is in `error`. */
    String outcome(String pipeline = 'legionPipeline()') {
        File file = File.createTempFile('pipeline', '.jenkins', new File('target'))
        file.deleteOnExit()
        file.text = "@Library('legion-ci') _\n${pipeline}\n"
        error = null
        try {
            runScript(file.canonicalPath)
        } catch (Throwable thrown) {
            error = thrown
        }
        return build.outcome(error)
    }

    /** Preflight's question whether a step is there. */
    protected static boolean asked(MethodCall call) { call.args.size() == 2 && call.args[0] == 'legion-ci' }

    List<String> calls(String step) { helper.callStack.findAll { it.methodName == step && !asked(it) }.collect { shown(it) } }

    /** Hold the call stack and what Jenkins would show against golden/NAME.txt; -Dgolden.update=true writes it. */
    void golden(String name) {
        List<String> stack = helper.callStack.findAll { !(it.methodName in ['run', 'library', 'Library']) && !asked(it) }.collect { ('  ' * (it.stackDepth - 2)) + shown(it) }
        String text = (stack + ['', "result: ${build.result ?: 'SUCCESS'}", "name: ${build.displayName ?: 'none'}", "description: ${build.description ?: 'none'}", "error: ${error?.message ?: 'none'}"]).join('\n') + '\n'
        File file = new File(GOLDEN, "${name}.txt")
        if (System.getProperty('golden.update') == 'true') { file.text = text }
        assertEquals("golden/${name}.txt; if the change is wanted: mvn test -Dgolden.update=true", file.file ? file.text : '', text)
    }

    protected static String shown(MethodCall call) {
        String arguments = call.argsToString().replaceAll(/,? ?groovy\.lang\.Closure/, '').replaceAll(/text=#!(?s).*/, 'text=…}')
        return "${call.methodName}(${arguments})"
    }
}
