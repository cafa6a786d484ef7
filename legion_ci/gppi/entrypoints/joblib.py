"""Entry point of the General Python Prediction Interface over a joblib file, converted by legion-ci gppi.convert."""

import os
from pathlib import Path

import joblib

_state = {}


def init():
    """Open the model; rows are matrices."""
    _state["model"] = joblib.load(Path(os.environ["MODEL_LOCATION"]) / "model.joblib")
    return "matrix"


def info():
    """The samples tell the columns."""
    return [], []


def predict_on_matrix(input_matrix, provided_columns_names=None):
    """Predictions, and the probability of each class where the model tells them."""
    import pandas as pd

    model = _state["model"]
    rows = pd.DataFrame([list(row) for row in input_matrix], columns=provided_columns_names)
    given = rows if hasattr(model, "feature_names_in_") else rows.to_numpy()
    columns, names = [list(model.predict(given))], ["prediction"]
    if hasattr(model, "predict_proba"):
        names += [f"probability_{c}" for c in model.classes_]
        columns += list(model.predict_proba(given).T)
    return [[v.item() if hasattr(v, "item") else v for v in row] for row in zip(*columns, strict=True)], tuple(names)
