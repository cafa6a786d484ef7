package org.legion.ci

import org.junit.Before
import org.junit.Test

import static org.junit.Assert.*

/** A Jenkinsfile that was written for Legion's own library. */
class LegionTest extends LibraryTest {
    static final String JENKINSFILE = '''
        legion.pod(ram: '8Gi') {
            stage('clone repo') { checkout scm }
            stage('run notebook') { legion.runNotebook('train.ipynb') }
            stage('build') { legion.build() }
            stage('deploy') { legion.deploy(count: 2) }
            stage('run tests') { legion.runTests() }
            stage('run perf tests') { legion.runPerformanceTests('locustfile.py') }
            stage('promote') { legionPromote() }
        }'''
    private static final String PROGRAM = "'/opt/legion/bin/legion-ci' "
    String found = ''

    @Override @Before
    void setUp() throws Exception {
        super.setUp()
        binding.getVariable('env').POD_LABEL = 'pod-7'
        found = ''
        helper.registerAllowedMethod('fileExists', [String], { String path -> path == 'legion.yaml' ? !found : python.hasFacts() && python.has(path) })
        helper.registerAllowedMethod('sh', [Map], { Map step -> step.script.startsWith('find ') ? found : python.sh(step) })
    }

    @Test void theWholeFileRunsOverOurStages() {
        python.ending('deploy', 10)
        python.endings('deploy', [10, 0])
        assertEquals 'SUCCESS', outcome(JENKINSFILE)
        assertEquals(['train', 'quality', 'package', 'deploy', 'deploy', 'report', 'perf', 'report', 'promote'], python.tasks())
        assertEquals PROGRAM + "train --set 'train.use=notebook' --set 'train.notebook=train.ipynb'", python.commands[0]
        assertEquals PROGRAM + "deploy --set 'deploy.workers=2'", python.commands[3]
        assertEquals PROGRAM + "deploy --set 'deploy.tests=tests'", python.commands[4]
        assertTrue calls('withEnv').toString(), calls('withEnv').contains('withEnv([MODEL_ID=wine, MODEL_VERSION=3])')
        assertEquals(['junit-deploy.xml', 'junit-perf.xml'], calls('junit').collect { (it =~ /report\/(junit-[^,]*)/)[0][1] })
        assertEquals 1, calls('perfReport').size()
        golden('legion')
    }

    @Test void aWrongNameOfAnArgumentIsNamedWhereLegionReadItsDefault() {
        outcome("legion.pod(memory: '8Gi') { }")
        assertTrue calls('podTemplate')[0], calls('podTemplate')[0].contains("memory: '8Gi'")
        outcome("legion.pod(imge: 'x') { }")
        assertTrue error.message, error.message.startsWith("legion.pod: there is no argument 'imge', did you mean 'image'?")
        outcome("legion.deploy(replicas: 2)")
        assertTrue error.message, error.message.startsWith("legion.deploy: there is no argument 'replicas'")
        assertEquals([], python.commands)
    }

    @Test void thePodAsksForWhatItIsGivenInTheNamespaceOfTheEnclave() {
        binding.setVariable('params', [Enclave: 'company-a'])
        binding.getVariable('env').LEGION_BASE_IMAGE_REPOSITORY = 'registry.example.org/base'
        outcome("legion.pod(cpu: '2', iamRole: \"it's\") { echo 'in' }")
        String pod = calls('podTemplate')[0]
        for (String part in ["image: 'registry.example.org/base:latest'", "cpu: '2', memory: '4Gi'", "role: 'it''s'", 'namespace=company-a']) { assertTrue "${part} in ${pod}", pod.contains(part) }
        assertEquals(['node(pod-7)'], calls('node'))
        assertEquals(['container(model)'], calls('container'))
        assertFalse pod, pod.contains('docker.sock')
    }

    @Test void testsThatFailFailTheBuildAndAreReported() {
        python.endings('deploy', [10, 1])
        assertEquals 'FAILURE', outcome(JENKINSFILE)
        assertTrue error.message, error.message.startsWith('deploy: FAIL')
        assertEquals(['train', 'quality', 'package', 'deploy', 'deploy', 'report'], python.tasks())
    }

    @Test void aScriptThatFailsFailsTheBuild() {
        python.ending('train', 5)
        assertEquals 'FAILURE', outcome("node('x') { legion.runScript('train.py') }")
        assertEquals([PROGRAM + "train --set 'train.use=script' --set 'train.script=train.py'"], python.commands)
    }

    @Test void factsAboutTheModelAreKnownOnceItIsTrained() {
        outcome("node('x') { legion.modelId() }")
        assertEquals 'legion.modelId: no model has been trained in this build; call runNotebook or runScript first', error.message
        outcome("node('x') { legion.runScript('train.py'); echo legion.modelId() + ' ' + legion.modelVersion() + ' ' + legion.modelFileName() }")
        assertTrue calls('echo').toString(), calls('echo').contains('echo(wine 3 file:///models/wine)')
    }

    @Test void theParametersOfAPerformanceJobAreTakenAndEmptyOnesAreNot() {
        binding.setVariable('params', [testUsers: '20', testHatchRate: '', testRequestsCount: '500', host: ''])
        outcome("node('x') { legion.runScript('train.py'); legion.runPerformanceTests('load.py') }")
        assertEquals PROGRAM + "perf --set 'perf.locustfile=performance/load.py' --set 'perf.users=20' --set 'perf.requests_count=500'", python.commands[1]
    }

    @Test void whatHasNoMeaningAnyMoreIsSaid() {
        outcome("node('x') { legion.deploy(livenesstimeout: 2, deploytimeout: 300) }")
        assertTrue calls('echo').toString(), calls('echo').any { it.contains('livenesstimeout has no meaning here') }
        assertEquals PROGRAM + "deploy --set 'deploy.ready_timeout=300'", python.commands[0]
    }

    @Test void theModelsFolderIsFoundBelowTheWorkspaceOrNamed() {
        found = './models/delay/legion.yaml\n'
        outcome("node('x') { legion.runScript('train.py'); echo legion.rootDir() }")
        assertTrue python.commands[0], python.commands[0].contains("--settings 'models/delay/legion.yaml'")
        assertTrue calls('echo').toString(), calls('echo').contains('echo(models/delay)')
        found = './a/legion.yaml\n./b/legion.yaml\n'
        outcome("node('x') { legion.rootDir() }")
        assertTrue error.message, error.message.startsWith('legion.rootDir: there are 2 files legion.yaml')
        binding.getVariable('env').ROOT_DIR = 'b'
        outcome("node('x') { echo legion.rootDir() }")
        assertNull error
        assertTrue calls('echo').toString(), calls('echo').contains('echo(b)')
    }

    @Test void theFirstModelIsSaidToBeTheFirst() {
        outcome("node('x') { legion.runScript('train.py'); legion.build(first: true); legion.deploy(first: true) }")
        assertEquals([false, true, false, true], python.commands.collect { it.endsWith(' --first') })
    }
}
