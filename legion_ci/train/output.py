"""What people's training functions may return besides a bare estimator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TrainOutput:
    """A fitted model with what should be logged beside it.

    model: an estimator with ``predict``, an ``mlflow.pyfunc.PythonModel``, or the path of an MLflow model folder.
    """

    model: Any
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
