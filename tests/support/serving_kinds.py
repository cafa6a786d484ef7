"""Artefacts of more kinds of models: LightGBM through pyfunc, times, several outputs, a serializer of its own."""

from __future__ import annotations

from pathlib import Path

import lightgbm
import mlflow.lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import serving_artefacts
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

SERIALIZER = """
import json
from fractions import Fraction

class Encoder(json.JSONEncoder):
    def default(self, value):
        return f"{value.numerator}/{value.denominator}"

def init():
    return "matrix"

def predict_on_matrix(input_matrix, provided_columns_names=None):
    return [[Fraction(row[0], row[1])] for row in input_matrix], ("ratio",)

def info():
    return [{"name": n, "type": "integer", "example": 1, "required": True} for n in "ab"], []

def get_output_json_serializer():
    return Encoder
"""


def serializer(root: Path) -> Path:
    """A hand-written entry point whose answers need its own serializer."""
    return serving_artefacts.gppi(root, SERIALIZER)


def boosted(root: Path) -> Path:
    """LightGBM with a string category, saved by MLflow, served through pyfunc."""
    frame = serving_artefacts.mixed_frame()[["carrier", "distance"]].astype({"carrier": "category"})
    late = (frame.distance + 300 * (frame.carrier == "UA")).to_numpy()
    model = lightgbm.LGBMRegressor(n_estimators=5, n_jobs=1, verbose=-1).fit(frame, late)
    root.mkdir(parents=True)
    mlflow.lightgbm.save_model(model, str(root / serving_artefacts.manifest.MODEL_DIR), pip_requirements=[])
    table = pa.Table.from_pandas(frame.head(4), preserve_index=False)
    return serving_artefacts.complete(root, table, flavor="pyfunc", name="boosted")


def several(root: Path) -> Path:
    """Two outputs of a string and a time."""
    days = pd.date_range("2013-01-01", periods=60, freq="D")
    frame = pd.DataFrame({"day": days, "carrier": np.where(np.arange(60) % 2, "AA", "UA")})
    steps = make_column_transformer(
        (FunctionTransformer(_weekday), ["day"]), (OneHotEncoder(sparse_output=False), ["carrier"])
    )
    target = np.column_stack([days.dayofweek, np.arange(60) % 2])
    model = make_pipeline(steps, MultiOutputRegressor(LinearRegression())).fit(frame, target)
    return serving_artefacts.write(
        root, model, pa.Table.from_pandas(frame.head(5), preserve_index=False), name="several"
    )


def _weekday(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(day=frame.day.dt.dayofweek)
