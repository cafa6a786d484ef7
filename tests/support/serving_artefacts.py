"""Artefact folders with real models, written as training writes them but without a tracking server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pyarrow as pa
import yaml
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from legion_ci.results import Provenance
from legion_ci.serving.gppi import ENTRYPOINT
from legion_ci.serving.predict import predict_file
from legion_ci.store import manifest

WINE = load_wine()
GPPI = """
import os
import math

calls = []

def init():
    assert os.path.isfile(os.path.join(os.environ["MODEL_LOCATION"], "weights.json"))
    return "matrix"

def predict_on_matrix(input_matrix, provided_columns_names=None):
    calls.append(len(input_matrix))
    if any(row[0] == 13 for row in input_matrix):
        raise RuntimeError("thirteen is secret-internal-detail")
    return [[row[0] + row[1], len(input_matrix)] for row in input_matrix], ("result", "rows_in_call")

def info():
    return (
        [{"name": "a", "type": "number", "example": 1, "required": True},
         {"name": "b", "type": "integer", "example": 2, "required": False}],
        [{"name": "result", "type": "number", "example": 3, "required": True}],
    )
"""


def write(
    root: Path,
    estimator: Any,
    rows: pa.Table,
    *,
    nullable: dict[str, bool] | None = None,
    name: str = "demo",
    version: str = "1",
    code: Mapping[str, str] | None = None,
    outputs: bool = True,
) -> Path:
    """An artefact of the sklearn flavour; rows: the sample, whose predictions are written beside it."""
    model_dir = root / manifest.MODEL_DIR
    model_dir.mkdir(parents=True)
    for file, text in (code or {}).items():
        (model_dir / "code").mkdir(exist_ok=True)
        (model_dir / "code" / file).write_text(text)
    (model_dir / "model.pkl").write_bytes(cloudpickle.dumps(estimator))
    flavor = {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"}
    (model_dir / "MLmodel").write_text(yaml.safe_dump({"flavors": {"sklearn": flavor}}))
    return complete(root, rows, flavor="sklearn", nullable=nullable, name=name, version=version, outputs=outputs)


def complete(
    root: Path,
    rows: pa.Table,
    *,
    flavor: str,
    nullable: dict[str, bool] | None = None,
    name: str = "demo",
    version: str = "1",
    outputs: bool = True,
) -> Path:
    """Entry point, manifest and samples of an artefact whose model is there already."""
    model_dir = root / manifest.MODEL_DIR
    (model_dir / "entrypoint.py").write_text(ENTRYPOINT)
    sign(root, flavor, name, version)
    manifest.write_sample(model_dir, "head_input", rows, nullable)
    if outputs:
        write_arrow(rows, root / "in.arrow")
        predict_file(root, root / "in.arrow", root / "out.arrow")
        manifest.write_sample(model_dir, "head_output", read_arrow(root / "out.arrow"))
        (root / "in.arrow").unlink()
        (root / "out.arrow").unlink()
    return root


def sign(root: Path, flavor: str, name: str, version: str) -> None:
    """Write the manifest."""
    manifest.write_manifest(root, name=name, version=version, run_id="0123", flavor=flavor, trainer="function",
                            provenance=Provenance())  # fmt: skip


def wine(root: Path, **options: Any) -> Path:
    """Scaler and logistic regression on 13 numbers, fitted on an array: no feature names."""
    estimator = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(WINE.data, WINE.target)
    return write(root, estimator, wine_rows(5), name="wine", version="1.2", **options)


def wine_rows(count: int) -> pa.Table:
    """Some wines as a table."""
    frame = pd.DataFrame(WINE.data, columns=WINE.feature_names).iloc[:: len(WINE.data) // count][:count]
    return pa.Table.from_pandas(frame, preserve_index=False)


def mixed_frame(count: int = 200) -> pd.DataFrame:
    """Rows with strings, whole numbers, floats with gaps, truth values and times."""
    random = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "carrier": random.choice(["AA", "B6", "UA"], count),
            "distance": random.integers(100, 3000, count),
            "wind": np.where(random.random(count) < 0.2, np.nan, random.normal(10, 3, count)),
            "seats": pd.array(random.integers(50, 300, count), dtype="int32"),
            "night": random.random(count) < 0.3,
        }
    )
    return frame


def mixed(root: Path, **options: Any) -> Path:
    """A pipeline that picks columns by name: one-hot carrier, the rest as it is, gaps in ``wind``."""
    frame = mixed_frame()
    late = np.where(frame.distance + 300 * (frame.carrier == "UA") > 1500, "late", "on time")
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="error", sparse_output=False), ["carrier"]), remainder="passthrough"
    )
    estimator = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=5, random_state=0)).fit(frame, late)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    gaps = {name: name == "wind" for name in frame.columns}
    return write(root, estimator, table.slice(0, 10), nullable=gaps, name="mixed", version="3", **options)


def regressor(root: Path, **options: Any) -> Path:
    """A forest fitted on a named, all-numeric frame: scikit-learn's own class, so arrays will do."""
    data = load_diabetes(as_frame=True)
    estimator = RandomForestRegressor(n_estimators=5, random_state=0, n_jobs=2).fit(data.data, data.target)
    return write(
        root, estimator, pa.Table.from_pandas(data.data.head(4), preserve_index=False), name="diabetes", **options
    )


def gppi(root: Path, source: str = GPPI) -> Path:
    """A hand-written entry point."""
    model_dir = root / manifest.MODEL_DIR
    model_dir.mkdir(parents=True)
    (model_dir / "weights.json").write_text("{}")
    (model_dir / "entrypoint.py").write_text(source)
    sign(root, "gppi", "sum", "7")
    return root


def write_arrow(table: pa.Table, path: Path) -> Path:
    """Write an Arrow IPC file."""
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
    return path


def read_arrow(path: Path) -> pa.Table:
    """Read an Arrow IPC file."""
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


def head_rows(root: Path) -> dict[str, Any]:
    """The sample input as a request of Legion's protocol."""
    sample = json.loads((root / manifest.MODEL_DIR / "head_input.json").read_text())
    return {"columns": sample["columns"], "data": sample["data"]}
