"""A classifier with hyper-parameters that are searched for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.ensemble import HistGradientBoostingClassifier

from legion_ci.data.source import Dataset


def train(data: Mapping[str, Dataset], parameters: Mapping[str, Any]) -> HistGradientBoostingClassifier:
    """Fit one model with the given parameters."""
    rows = data["train"]
    return HistGradientBoostingClassifier(random_state=0, **parameters).fit(rows.features, rows.target)
