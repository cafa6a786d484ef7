"""The same problem with five libraries; legion.yaml's parameter ``library`` says which."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from legion_ci.data.source import Dataset


def train(data: Mapping[str, Dataset], parameters: Mapping[str, Any]) -> Any:
    """A fitted model, or the folder of one in MLflow's format."""
    return LIBRARIES[parameters["library"]](data["train"])


def _sklearn(rows: Dataset) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=20, random_state=0).fit(rows.features, rows.target)


def _lightgbm(rows: Dataset) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=20, random_state=0, verbose=-1, n_jobs=1).fit(rows.features, rows.target)


def _xgboost(rows: Dataset) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(n_estimators=20, random_state=0, n_jobs=1).fit(rows.features, rows.target)


def _onnx(rows: Dataset) -> Any:
    """A graph whose answer is the class, saved in MLflow's own flavour for ONNX."""
    import mlflow.onnx
    from mlflow.models import infer_signature
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = rows.features.to_numpy("float32")
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(features, rows.target)
    graph = to_onnx(fitted, features[:1], options={"zipmap": False})
    del graph.graph.output[1:]  # only the class
    folder = Path(tempfile.mkdtemp()) / "model"
    mlflow.onnx.save_model(graph, str(folder), signature=infer_signature(rows.features), pip_requirements=[])
    return folder


class Rule:
    """A model without any library: one threshold."""

    def __init__(self, column: str, above: float) -> None:
        self.column, self.above = column, above

    def predict(self, features: Any) -> Any:
        """1 where the column is above the threshold."""
        return (features[self.column] > self.above).astype(int).to_numpy()


def _plain(rows: Dataset) -> Any:
    means = rows.features["radius"].groupby(rows.target).mean()
    return Rule("radius", float(means.mean()))


LIBRARIES = {"sklearn": _sklearn, "lightgbm": _lightgbm, "xgboost": _xgboost, "onnx": _onnx, "plain": _plain}
