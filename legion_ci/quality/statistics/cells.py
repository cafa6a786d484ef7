"""Metrics of a table of counts (F1, precision, balanced accuracy): the multinomial bootstrap over its cells.

Rows that agree in truth and answers are alike: drawing cells is drawing rows, at a cost that does not grow with them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from legion_ci.quality.statistics.bootstrap import NoSpread, Studentised, ratio
from legion_ci.quality.statistics.estimate import Estimate
from legion_ci.quality.statistics.smooth import Smooth

Floats = NDArray[np.float64]

_PIECE = 20_000  # replicates at a time
_CELLS = 4_000_000  # replicates × cells at a time


def of_counts(metric: Smooth, counts: NDArray[np.int64], *, replicates: int, rng: np.random.Generator) -> Estimate:
    """A smooth function of the cells' shares. counts: (k,). Metrics of shares are within 1 of each other."""
    n = int(counts.sum())
    shares = counts / n
    effect, se = float(metric.value(shares)), float(_se(metric, shares, n))
    if not se > 1e-12:
        return NoSpread(effect, n, reach=1.0)
    most = max(100, min(_PIECE, _CELLS // len(counts)))
    pieces = [min(most, replicates - done) for done in range(0, replicates, most)]
    errors = np.concatenate([_errors(metric, effect, rng.multinomial(n, shares, size=size) / n, n) for size in pieces])
    return Studentised(effect, se, n, np.sort(errors), "multinomial-cell bootstrap, studentised")


def _errors(metric: Smooth, effect: float, shares: Floats, n: int) -> Floats:
    return ratio(metric.value(shares) - effect, _se(metric, shares, n))


def _se(metric: Smooth, shares: Floats, n: int) -> Floats:
    slope = metric.gradient(shares)
    mean = np.sum(shares * slope, axis=-1)
    variance = np.sum(shares * slope**2, axis=-1) - mean**2
    result: Floats = np.sqrt(np.maximum(variance, 0) / max(n - 1, 1))
    return result
