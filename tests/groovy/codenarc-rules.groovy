ruleset {
    description 'The shared library'
    ruleset('rulesets/basic.xml')
    ruleset('rulesets/imports.xml') { 'MisorderedStaticImports' { enabled = false } }
    ruleset('rulesets/unused.xml')
    ruleset('rulesets/security.xml') { 'JavaIoPackageAccess' { enabled = false } }
    // The rules for continuation passing look at files named Jenkinsfile only, unless told otherwise.
    def everywhere = '*.groovy,Jenkinsfile'
    'ParameterOrReturnTypeNotSerializable' { applyToFileNames = everywhere }
    'ObjectOverrideOnlyNonCpsMethods' { applyToFileNames = everywhere }
    'ForbiddenCallInCpsMethod' { applyToFileNames = everywhere }
    'ExpressionInCpsMethodNotSerializable' { applyToFileNames = everywhere }
    'CpsCallFromNonCpsMethod' { applyToFileNames = everywhere }
    'ClosureInGString' { applyToFileNames = everywhere }
    'ClassNotSerializable' { applyToFileNames = everywhere }
}
