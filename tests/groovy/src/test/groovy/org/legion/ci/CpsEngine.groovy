package org.legion.ci

import com.cloudbees.groovy.cps.Continuable
import com.cloudbees.groovy.cps.CpsDefaultGroovyMethods
import com.cloudbees.groovy.cps.CpsDefaultGroovyStaticMethods
import com.cloudbees.groovy.cps.CpsStringGroovyMethods
import com.cloudbees.groovy.cps.CpsTransformer
import com.cloudbees.groovy.cps.NonCPS
import com.cloudbees.groovy.cps.ObjectInputStreamWithLoader
import com.cloudbees.groovy.cps.Outcome
import com.cloudbees.groovy.cps.SerializableScript
import com.cloudbees.groovy.cps.impl.CpsCallableInvocation
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.customizers.ImportCustomizer
import org.codehaus.groovy.runtime.InvokerHelper

/**
 * Jenkins' own interpreter without Jenkins: pipelines are compiled for continuation passing, and at every step the
 * program is serialised, thrown away, read back and resumed, as a restart of the controller there would do.
 */
class CpsEngine {
    static final ThreadLocal<CpsEngine> CURRENT = new ThreadLocal<>()
    private static final List<Class> CATEGORIES =
        [CpsDefaultGroovyMethods, CpsDefaultGroovyStaticMethods, CpsStringGroovyMethods, SerialisableIteration]

    final File library
    final Map<String, Closure> steps = [:]              // name -> value of the step
    final Map<String, Closure> bodySteps = [:]          // name -> closure(arguments, run the body)
    final Map<String, Object> globals = [:]
    final List<String> log = []
    int suspensions = 0
    private final Map<String, Object> variables = [:]
    private final List<String> mismatches = []
    private List<Continuable> frames = []               // the program, and inside it the bodies that run
    private GroovyClassLoader librarySource
    private GroovyClassLoader pipelineSource

    CpsEngine(File library) { this.library = library }

    /** Run a pipeline to its end; throws what it throws, or what Jenkins would log of code that cannot be resumed. */
    Object run(String pipeline) {
        CURRENT.set(this)
        CpsCallableInvocation.registerMismatchHandler({ Object on, String expected, Object got, String name ->
            mismatches << "expected to call ${on?.class?.simpleName}.${expected} but wound up catching ${name}".toString()
        } as CpsCallableInvocation.MismatchHandler)
        try {
            Object value = drive(new Continuable(compile(pipeline)))
            if (mismatches) { throw new IllegalStateException(mismatches.join('; ')) }
            return value
        } finally {
            CURRENT.remove()
            CpsCallableInvocation.registerMismatchHandler(null)
        }
    }

    private Script compile(String pipeline) {
        librarySource = new GroovyClassLoader(CpsEngine.classLoader, configuration())
        librarySource.addClasspath(new File(library, 'src').path)
        pipelineSource = new GroovyClassLoader(librarySource, configuration())
        String text = pipeline.replaceAll(/@Library\([^)]*\)\s*_/, '')
        return (Script) pipelineSource.parseClass(new GroovyCodeSource(text, 'WorkflowScript.groovy', '/cps')).newInstance()
    }

    private static CompilerConfiguration configuration() {
        CompilerConfiguration made = new CompilerConfiguration()
        made.scriptBaseClass = EngineScript.name
        made.addCompilationCustomizers(new CpsTransformer(), new ImportCustomizer().addImports(NonCPS.name))
        return made
    }

    /** The object behind vars/NAME.groovy; null when there is none. */
    Object variable(String name) {
        File source = new File(library, "vars/${name}.groovy")
        if (!variables.containsKey(name) && source.file) {
            variables[name] = librarySource.parseClass(new GroovyCodeSource(source)).newInstance()
        }
        return variables[name]
    }

    private Object drive(Continuable program) {
        int mine = frames.size()
        frames << program
        try {
            Outcome outcome = new Outcome(null, null)
            while (true) {
                outcome = frames[mine].run0(outcome, CATEGORIES)
                if (outcome.abnormal instanceof CpsCallableInvocation) { throw escaped((CpsCallableInvocation) outcome.abnormal) }
                if (!frames[mine].resumable) { return outcome.replay() }
                if (!(outcome.normal instanceof StepCall)) { throw outcome.abnormal ?: new IllegalStateException("unexpected yield ${outcome}") }
                // All frames and what was handed to the step are one state: a body shares its variables with what is around it.
                List state = restarted([frames, outcome.normal])
                frames = (List<Continuable>) state[0]
                outcome = perform((StepCall) state[1])
            }
        } finally {
            frames = new ArrayList(frames.take(mine))
        }
    }

    private List restarted(List state) {
        suspensions++
        ByteArrayOutputStream bytes = new ByteArrayOutputStream()
        try {
            new ObjectOutputStream(bytes).withCloseable { it.writeObject(state) }
        } catch (NotSerializableException error) {
            throw new NotSerializableException("${error.message} (state at step '${state[1].name}')".toString())
        }
        return (List) new ObjectInputStreamWithLoader(new ByteArrayInputStream(bytes.toByteArray()), pipelineSource).readObject()
    }

    private Outcome perform(StepCall call) {
        try {
            return new Outcome(valueOf(call), null)
        } catch (CpsCallableInvocation invocation) {
            return new Outcome(null, escaped(invocation))
        } catch (Throwable error) {
            return new Outcome(null, error)
        }
    }

    private Object valueOf(StepCall call) {
        log << call.name
        Closure body = call.arguments && call.arguments[-1] instanceof Closure ? (Closure) call.arguments[-1] : null
        if (body != null && bodySteps.containsKey(call.name)) { return bodySteps[call.name].call(call.arguments[0..<-1], { runBody(body) }) }
        if (body == null && steps.containsKey(call.name) && call.arguments.size() < 2) { return steps[call.name]?.call(*call.arguments) }
        boolean known = steps.containsKey(call.name) || bodySteps.containsKey(call.name)
        if (known && call.arguments.size() > 1) { throw new IllegalArgumentException("Expected named arguments but got ${call.arguments}".toString()) }
        throw new NoSuchMethodError("No such DSL method '${call.name}' found among steps".toString())
    }

    /** Run a body that a step was given. */
    Object runBody(Closure body) {
        Continuable program
        try {
            return body.call()
        } catch (CpsCallableInvocation invocation) {
            program = new Continuable(invocation.asBlock())
        }
        return drive(program)
    }

    private static IllegalStateException escaped(CpsCallableInvocation invocation) {
        return new IllegalStateException("CPS-transformed '${invocation.methodName}' called from non-CPS code".toString())
    }
}

/** What a suspended program asks for. */
class StepCall implements Serializable {
    private static final long serialVersionUID = 1L
    String name
    List arguments
}

/** The base of every script: a name that is no method is a global of the library, else a step. */
abstract class EngineScript extends SerializableScript {
    Object invokeMethod(String name, Object arguments) {
        if (metaClass.respondsTo(this, name, arguments as Object[])) { return super.invokeMethod(name, arguments) }
        Object variable = CpsEngine.CURRENT.get().variable(name)
        if (variable != null) { return InvokerHelper.invokeMethod(variable, 'call', arguments) }
        return Continuable.suspend(name, new StepCall(name: name, arguments: ((arguments as Object[]) as List).collect { plain(it) }))
    }

    /** Jenkins turns GStrings into Strings before a step sees them. */
    static Object plain(Object value) {
        if (value instanceof GString) { return value.toString() }
        if (value instanceof Map) { return value.collectEntries { k, v -> [(k): plain(v)] } }
        if (value instanceof List) { return value.collect { plain(it) } }
        return value
    }

    Object getProperty(String name) {
        CpsEngine engine = CpsEngine.CURRENT.get()
        if (engine != null && engine.globals.containsKey(name)) { return engine.globals[name] }
        Object variable = engine?.variable(name)
        return variable == null ? super.getProperty(name) : variable
    }
}

/** workflow-cps replaces the JDK's iterators by serialisable ones, so that a loop may hold a step. */
class SerialisableIteration {
    static Iterator iterator(List list) { new ListIteration(items: new ArrayList(list)) }
    static Iterator iterator(Set set) { new ListIteration(items: new ArrayList(set)) }
    static Iterator iterator(Map map) { new ListIteration(items: entrySet(map) as List) }
    static Collection entrySet(Map map) { map.collect { k, v -> new AbstractMap.SimpleEntry(k, v) } }
}

class ListIteration implements Iterator, Serializable {
    private static final long serialVersionUID = 1L
    List items
    int next = 0
    boolean hasNext() { next < items.size() }
    Object next() { items[next++] }
    void remove() { throw new UnsupportedOperationException() }
}
