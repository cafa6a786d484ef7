"""What a model that always gives the same answer would reach: the floor below which a margin says nothing."""

from __future__ import annotations

import numpy as np

from legion_ci.quality.catalogue import Metric
from legion_ci.quality.sample import Sample


def value(metric: Metric, sample: Sample) -> float | None:
    """The metric of the best constant answer on these rows; None where a constant means nothing."""
    if metric.of_classes:
        return of_classes(metric, sample.counts / len(sample))
    truth = np.asarray(sample.truth, dtype=np.float64)
    known = {
        "mae": lambda: float(np.mean(np.abs(truth - np.median(truth)))),
        "mse": lambda: float(truth.var()),
        "rmse": lambda: float(truth.std()),
        "r2": lambda: 0.0,
    }
    return known[metric.name]() if metric.name in known else None


def of_classes(metric: Metric, shares: np.ndarray) -> float | None:
    """The same from the shares of the classes."""
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
    }.get(metric.name)
