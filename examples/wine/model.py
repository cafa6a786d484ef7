"""Train the model that tells a wine's cultivar from its chemistry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def train(data: Mapping[str, Any], parameters: Mapping[str, Any]) -> Pipeline:
    """Fit on ``data["train"]``: 13 measurements, three cultivars. parameters: those of LogisticRegression."""
    wines = data["train"]
    return make_pipeline(StandardScaler(), LogisticRegression(**parameters)).fit(wines.features, wines.target)
