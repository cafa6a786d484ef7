"""What a model that always gives the same answer would reach: the floor below which a margin says nothing."""

from __future__ import annotations

import numpy as np

from legion_ci.quality.catalogue import Metric
from legion_ci.quality.sample import Sample


def value(metric: Metric, sample: Sample) -> float | None:
    """The metric of the best constant answer on these rows; None where a constant means nothing."""
    if metric.of_classes:
        counts = np.bincount(sample.truth.astype(np.int64), minlength=sample.n_classes)
        return _of_classes(metric.name, counts / len(sample))
    truth = np.asarray(sample.truth, dtype=np.float64)
    known = {
        "mae": lambda: float(np.mean(np.abs(truth - np.median(truth)))),
        "mse": lambda: float(truth.var()),
        "rmse": lambda: float(truth.std()),
        "r2": lambda: 0.0,
    }
    return known[metric.name]() if metric.name in known else None


def _of_classes(name: str, shares: np.ndarray) -> float | None:
    some = shares[shares > 0]
    brier = 1 - float(np.sum(shares**2))
    return {
        "accuracy": float(shares.max()),
        "brier": brier / 2 if len(shares) == 2 else brier,
        "log_loss": float(-np.sum(some * np.log(some))),
        "roc_auc": 0.5,
        "roc_auc_ovr": 0.5,
        "roc_auc_ovo": 0.5,
        "mcc": 0.0,
        "balanced_accuracy": 1 / max(len(some), 1),
    }.get(name)
