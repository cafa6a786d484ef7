import org.legion.ci.Legion

/** The functions of Legion's library over our stages; see legion.txt and the page on moving from Legion. */
void pod(Map arguments = [:], Closure body) { new Legion(this).pod(arguments, body) }

String rootDir() { return new Legion(this).rootDir() }

Map<String, String> runNotebook(String notebook) { return new Legion(this).runNotebook(notebook) }

Map<String, String> runScript(String script) { return new Legion(this).runScript(script) }

String modelId() { return new Legion(this).modelId() }

String modelVersion() { return new Legion(this).modelVersion() }

String modelFileName() { return new Legion(this).modelFileName() }

Map<String, String> build(Map arguments = [:]) { return new Legion(this).build(arguments) }

Map<String, String> deploy(Map arguments = [:]) { return new Legion(this).deploy(arguments) }

Map<String, String> runTests(Map arguments = [:]) { return new Legion(this).runTests(arguments) }

Map<String, String> runPerformanceTests(String script) { return new Legion(this).runPerformanceTests(script) }
