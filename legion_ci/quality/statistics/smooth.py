"""Metrics that are smooth functions of row means: the value, its gradient, and from it what each row contributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Smooth:
    """``value`` and ``gradient`` take means of shape (…, k) and give (…) and (…, k)."""

    value: Callable[[Floats], Floats]
    gradient: Callable[[Floats], Floats]


def _one(means: Floats) -> Floats:
    return np.ones_like(means)


def _first(means: Floats) -> Floats:
    return means[..., 0]


MEAN = Smooth(_first, _one)  # k = 1


def influence(metric: Smooth, rows: Floats) -> Floats:
    """What each row moves the metric by (times n), to first order. rows: (n, k)."""
    means = rows.mean(axis=0)
    result: Floats = (rows - means) @ metric.gradient(means)
    return result


def standard_error(metric: Smooth, rows: Floats) -> float:
    """Of the metric over independent rows, by linearisation."""
    n = len(rows)
    return float(np.sqrt(np.mean(influence(metric, rows) ** 2) / max(n - 1, 1)))
