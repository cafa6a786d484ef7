"""Small model repositories made for a test."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

MODEL = """
from sklearn.linear_model import LogisticRegression

def train(data, parameters):
    return LogisticRegression(**parameters).fit(data["train"].features, data["train"].target)
"""

SETTINGS = """
model: {name: tiny}
data:
  train: {path: data/train.parquet, target: y}
  eval: {path: data/eval.parquet, target: y}
train: {entrypoint: "model:train", parameters: {C: 1.0}}
"""


def repository(folder: Path, *, settings: str = SETTINGS, model: str = MODEL, rows: int = 400) -> Path:
    """A repository with a two-feature binary problem; returns its legion.yaml."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "data").mkdir(parents=True)
    rng = np.random.default_rng(1)
    for name in ("train", "eval"):
        x = rng.normal(size=(rows, 2))
        y = (x[:, 0] + rng.normal(scale=0.7, size=rows) > 0).astype(int)
        pq.write_table(pa.table({"a": x[:, 0], "b": x[:, 1], "y": y}), folder / "data" / f"{name}.parquet")
    (folder / "model.py").write_text(dedent(model))
    (folder / "legion.yaml").write_text(dedent(settings))
    return folder / "legion.yaml"


WINE_SETTINGS = """
model: {name: wine}
data:
  train: {path: data/train.parquet, target: cultivar}
  eval: {path: data/eval.parquet, target: cultivar}
train: {entrypoint: "model:train", parameters: {C: 1.0}}
quality: {checks: [{metric: accuracy, min: 0.5}], min_rare: 5}
"""

WINE_MODEL = """
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def train(data, parameters):
    return make_pipeline(StandardScaler(), LogisticRegression(**parameters)).fit(data["train"].features, data["train"].target)
"""


def wine(folder: Path) -> Path:
    """A repository with scikit-learn's wine data; every second row is kept for evaluation."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sklearn.datasets import load_wine

    (folder / "data").mkdir(parents=True)
    found = load_wine(as_frame=True)
    frame = found.data.assign(cultivar=found.target.map(dict(enumerate(found.target_names))))
    for name, start in (("train", 0), ("eval", 1)):
        table = pa.Table.from_pandas(frame[start::2], preserve_index=False)
        pq.write_table(table, folder / "data" / f"{name}.parquet")
    (folder / "model.py").write_text(WINE_MODEL)
    (folder / "legion.yaml").write_text(WINE_SETTINGS)
    return folder / "legion.yaml"
