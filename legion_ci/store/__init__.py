"""MLflow and artefacts: the only part that imports mlflow."""
