package org.legion.ci

/** Archives a run's records and report, and publishes the report where the plug-ins for it are there. */
class Report implements Serializable {
    private static final long serialVersionUID = 1L

    private final Object steps
    private final String folder

    Report(Object steps, String runFolder) {
        this.steps = steps
        this.folder = runFolder
    }

    /** Archive first: it is what is left where a plug-in is missing. */
    void publish() {
        String instead = "its files are archived (${folder}/report)"
        steps.archiveArtifacts(artifacts: "${folder}/*.json, ${folder}/*.properties, ${folder}/report/**", allowEmptyArchive: true)
        new OptionalStep(steps, 'junit', 'junit')
            .call([testResults: folder + '/report/junit-*.xml', allowEmptyResults: true, skipMarkingBuildUnstable: true], instead)
        new OptionalStep(steps, 'publishHTML', 'htmlpublisher')
            .call([target: [reportDir: folder + '/report', reportFiles: 'index.html', reportName: 'Model report', keepAll: true,
                            alwaysLinkToLastBuild: true, allowMissing: true]], instead)
    }
}
