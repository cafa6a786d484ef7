"""Tango's score interval for the difference of two paired proportions: right where Wald's interval is too short.

T. Tango, Equivalence test and confidence interval for the difference in proportions for the paired-sample design,
Statistics in Medicine 17 (1998) 891-908.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from legion_ci.quality.statistics.estimate import z

_HALVINGS = 60


def score(gained: ArrayLike, lost: ArrayLike, n: ArrayLike, delta: ArrayLike) -> NDArray[np.float64]:
    """The score statistic of the hypothesis (gained − lost)/n = ``delta``; falls as ``delta`` rises.

    gained, lost: discordant pairs (only the first, only the second right) of ``n``. Broadcasts.
    """
    b, c, n, delta = (np.asarray(v, dtype=np.float64) for v in (gained, lost, n, delta))
    negative = delta < 0
    first, second = np.where(negative, c, b), np.where(negative, b, c)
    value = _score(first, second, n, np.abs(delta))
    return np.where(negative, -value, value)


def _score(b: Any, c: Any, n: Any, delta: Any) -> NDArray[np.float64]:
    linear = -b - c + (2 * n - b + c) * delta
    root = np.sqrt(np.maximum(linear**2 + 8 * n * c * delta * (1 - delta), 0))
    p = np.maximum(root - linear, 0) / (4 * n)
    variance = n * (2 * p + delta * (1 - delta))
    difference = b - c - n * delta
    with np.errstate(divide="ignore", invalid="ignore"):
        value = difference / np.sqrt(variance)  # infinite without any variance, but 0 when there is nothing to explain
    result: NDArray[np.float64] = np.where(difference == 0, 0.0, value)
    return result


def interval(gained: int, lost: int, n: int, alpha: float) -> tuple[float, float]:
    """Bounds of (gained − lost)/n, each at one-sided ``alpha``; never a point, also without discordant pairs."""
    reach = z(alpha)
    effect = (gained - lost) / n
    return _root(gained, lost, n, reach, -1.0, effect), _root(gained, lost, n, -reach, effect, 1.0)


def _root(gained: int, lost: int, n: int, wanted: float, low: float, high: float) -> float:
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if float(score(gained, lost, n, middle)) > wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2
