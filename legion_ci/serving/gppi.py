"""The General Python Prediction Interface of an artefact that we wrote: what its ``entrypoint.py`` re-exports."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from legion_ci.core.errors import ConfigurationError
from legion_ci.serving import artefact
from legion_ci.serving.load import load
from legion_ci.serving.model import Model
from legion_ci.serving.problems import Refused
from legion_ci.serving.protocols import Protocols
from legion_ci.serving.signature import as_info, read_sample

_MOST_ROWS = 10_000_000

# What a trainer writes as ``entrypoint.py`` beside a model.
ENTRYPOINT = '''"""The model's entry point of the General Python Prediction Interface."""

from legion_ci.serving.gppi import info, init, predict_on_matrix

__all__ = ["info", "init", "predict_on_matrix"]
'''


@dataclass(frozen=True)
class _Loaded:
    model: Model
    protocols: Protocols
    outputs: list[dict[str, Any]]


def init() -> str:
    """Load the model; returns the kind of input that it takes, ``matrix``."""
    _loaded(_location())
    return "matrix"


def predict_on_matrix(
    input_matrix: Sequence[Sequence[Any]], provided_columns_names: Sequence[str] | None = None
) -> tuple[list[tuple[Any, ...]], tuple[str, ...]]:
    """Predictions of rows and the names of their columns.

    provided_columns_names: the order in which the rows hold the columns; None: the model's own. Raises ValueError with
    everything that does not fit the model.
    """
    loaded = _loaded(_location())
    names = None if provided_columns_names is None else list(provided_columns_names)
    try:
        rows = loaded.protocols.read_matrix(names, [list(row) for row in input_matrix])
    except Refused as wrong:
        raise ValueError("; ".join(f"{p.path}: {p.problem}" for p in wrong.problems)) from None
    predictions = loaded.model.predict(rows)
    return predictions.rows(), predictions.columns


def info() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Inputs and outputs, each a list of ``{name, type, example, required}``."""
    loaded = _loaded(_location())
    return as_info(loaded.model.signature), loaded.outputs


@cache
def _loaded(location: Path) -> _Loaded:
    folder = artefact.read_model_dir(location)
    if folder.flavor == "gppi":
        raise ConfigurationError("the model's flavour is gppi, but its entry point is ours", where=str(location))
    model = load(folder)
    head_output = read_sample(location / "head_output.json")
    outputs = as_info(head_output.signature()) if head_output else []
    return _Loaded(model, Protocols(model.signature, _MOST_ROWS), outputs)


def _location() -> Path:
    """``MODEL_LOCATION``, else the folder of the entry point that imported us."""
    if told := os.environ.get("MODEL_LOCATION"):
        return Path(told).resolve()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and module.__name__ != __name__ and getattr(module, "predict_on_matrix", None) is predict_on_matrix:
            return Path(file).resolve().parent
    raise ConfigurationError("the model's folder is not known", todo="set MODEL_LOCATION to the folder legion_model")
