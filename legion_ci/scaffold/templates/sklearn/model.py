"""Trains the model. legion-ci calls ``train``; what it returns is locked, judged, packaged and served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def train(data: Mapping[str, Any], parameters: Mapping[str, Any]) -> Pipeline:
    """Fit on ``data["train"]``: ``features`` is a DataFrame, ``target`` a Series. parameters: train.parameters.

    To log metrics or tags as well, return ``legion_ci.train.output.TrainOutput(model, metrics={...}, tags={...})``.
    """
    rows = data["train"]
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, **parameters)).fit(rows.features, rows.target)
