"""Fits a model of the bench in a peer's own environment: ``python fit.py wine|forest joblib|mlflow|mlflow-bare PATH``.

mlflow: fitted on a DataFrame, with a signature; mlflow-bare: on an array, without.
"""

import sys

from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MODELS = {
    "wine": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
    "forest": lambda: RandomForestClassifier(100, random_state=0, n_jobs=1),
}


def main(name: str, kind: str, path: str) -> None:
    data = load_wine(as_frame=kind == "mlflow")
    model = MODELS[name]().fit(data.data, data.target)
    if kind == "joblib":
        import joblib

        joblib.dump(model, path)
    else:
        import mlflow.sklearn

        example = data.data.head(2) if kind == "mlflow" else None
        mlflow.sklearn.save_model(
            model, path, serialization_format="cloudpickle", input_example=example, pip_requirements=["scikit-learn"]
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
