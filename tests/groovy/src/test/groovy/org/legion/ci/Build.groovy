package org.legion.ci

/** Stands for `currentBuild`: a result never gets better. Jenkins keeps it outside of the program's state. */
class Build implements Serializable {
    private static final long serialVersionUID = 1L
    private static final List<String> WORSENING = [null, 'SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT', 'ABORTED']
    static Build current

    String result
    String description
    String displayName
    List<String> causes = []

    /** Those causes of the build that are of a class, as `currentBuild` tells them. */
    List<Map> getBuildCauses(String type) { causes.findAll { it == type }.collect { [_class: it] } }

    void setResult(String wanted) {
        if (WORSENING.indexOf(wanted) > WORSENING.indexOf(result)) { result = wanted }
    }

    /** What Jenkins would show when the pipeline ended like that. */
    String outcome(Throwable error) {
        if (error) { setResult('FAILURE') }
        return result ?: 'SUCCESS'
    }

    private Object readResolve() { current }
}
