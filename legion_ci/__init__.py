"""legion-ci: train, judge, package, deploy, load-test and promote models, on a laptop and in Jenkins."""

__version__ = "0.1.0"
