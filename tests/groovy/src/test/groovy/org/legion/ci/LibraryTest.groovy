package org.legion.ci

import com.lesfurets.jenkins.unit.BasePipelineTest
import com.lesfurets.jenkins.unit.MethodCall
import com.lesfurets.jenkins.unit.global.lib.LibraryConfiguration
import com.lesfurets.jenkins.unit.global.lib.SourceRetriever
import org.junit.Before

import static org.junit.Assert.assertEquals

/** A pipeline that uses the library, with every step that a controller has, and golden call stacks. */
abstract class LibraryTest extends BasePipelineTest {
    static final File ROOT = new File('../..').canonicalFile
    PythonHalf python = new PythonHalf()
    Map currentBuild = [result: null, description: null]

    @Override @Before
    void setUp() throws Exception {
        scriptRoots = [ROOT.path] as String[]
        scriptExtension = ''
        super.setUp()
        binding.setVariable('scm', [:])
        binding.setVariable('currentBuild', currentBuild)
        binding.setVariable('env', [BUILD_TAG: 'jenkins-wine-7', JOB_NAME: 'wine'])
        registerSteps()
        helper.registerSharedLibrary(LibraryConfiguration.library().name('legion-ci').defaultVersion('main').allowOverride(true)
            .implicit(false).targetPath(ROOT.path).retriever({ String r, String b, String t -> [ROOT.toURI().toURL()] } as SourceRetriever).build())
    }

    private void registerSteps() {
        helper.registerAllowedMethod('node', [String, Closure], { String label, Closure body -> helper.callClosure(body) })
        helper.registerAllowedMethod('stage', [String, Closure], { String name, Closure body -> helper.callClosure(body) })
        for (String step in ['timeout', 'lock']) {
            helper.registerAllowedMethod(step, [Map, Closure], { Map a, Closure body -> helper.callClosure(body) })
        }
        Closure withEnvironment = this.&withEnvironment
        helper.registerAllowedMethod('withEnv', [List, Closure], { List variables, Closure body -> withEnvironment.call(variables, body) })
        for (String step in ['junit', 'publishHTML', 'archiveArtifacts', 'writeFile', 'milestone']) { helper.registerAllowedMethod(step, [Map], null) }
        helper.registerAllowedMethod('checkout', [Object], null)
        helper.registerAllowedMethod('echo', [String], null)
        helper.registerAllowedMethod('error', [String], { String message -> throw new IllegalStateException(message) })
        helper.registerAllowedMethod('libraryResource', [String], { String path -> new File(ROOT, "resources/${path}").text })
        helper.registerAllowedMethod('fileExists', [String], { String path -> !python.loseFacts })
        helper.registerAllowedMethod('readFile', [String], { String path -> python.properties() })
        helper.registerAllowedMethod('sh', [Map], { Map step -> python.sh(step) })
    }

    protected Object withEnvironment(List variables, Closure body) {
        Map env = binding.getVariable('env')
        Map before = new HashMap(env)
        variables.each { String one -> env[one.split('=')[0]] = one.split('=', 2)[1] }
        try {
            return helper.callClosure(body)
        } finally {
            env.clear()
            env.putAll(before)
        }
    }

    void removeStep(String name) {
        Closure missing = { Object... a -> throw new NoSuchMethodError("No such DSL method '${name}' found among steps".toString()) }
        helper.registerAllowedMethod(name, name == 'lock' ? [Map, Closure] : [Map], missing)
    }

    void pipeline(String text) { runScript(write("@Library('legion-ci') _\n${text}\n")) }

    Exception failing(String text) {
        try { pipeline(text) } catch (Exception error) { return error }
        throw new AssertionError('the pipeline should have failed')
    }

    private String write(String text) {
        File file = File.createTempFile('pipeline', '.jenkins', new File('target'))
        file.deleteOnExit()
        file.text = text
        return file.canonicalPath
    }

    List<String> calls(String name) { helper.callStack.findAll { it.methodName == name }.collect { it.argsToString() } }

    /** Hold the call stack against golden/NAME.txt; -Dgolden.update=true writes it. */
    void golden(String name) {
        String stack = helper.callStack.collect { MethodCall c -> ('  ' * c.stackDepth) + c.methodName + '(' + shown(c) + ')' }.join('\n') + '\n'
        stack = stack.readLines().findAll { !it.contains('.run(') && !it.contains('Library(') }.join('\n') + '\n'
        File file = new File("src/test/resources/golden/${name}.txt")
        if (System.getProperty('golden.update') == 'true') { file.text = stack }
        assertEquals("the call stack of ${name}; update with -Dgolden.update=true if it should be so", file.exists() ? file.text : '', stack)
    }

    protected static String shown(MethodCall call) {
        String text = call.argsToString().replace(ROOT.path, '').replaceAll(/pipeline\d+\.jenkins/, 'Jenkinsfile')
        return text.length() > 300 ? text.substring(0, 60).readLines()[0] + ' …' : text
    }
}
