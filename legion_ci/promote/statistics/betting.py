"""Exact bounds of a bounded mean difference at every look, at any count: a gambler who cannot win under the claim.

Waudby-Smith & Ramdas (2024), JRSS-B: capital ∏(1 + λ(m − x)) stays fair for every λ that was fixed before x, so that a
mean of at least m lets it exceed 1/α with probability at most α, whatever the drift. Several λ share the stake.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_FRACTIONS = np.array([0.95, 0.7, 0.5, 0.35, 0.2, 0.1, 0.05, 0.02, 0.01])  # of the largest safe λ
_STAKES = np.array([0.5, *[0.5 / 8] * 8])  # half on 'nothing will happen', which rare errors mostly make true


def upper(values: Floats, highest: Floats, alpha: float) -> float:
    """Upper bound of the mean of ``values``, one-sided at alpha, valid at every look. 1 when nothing is known.

    highest: what each value could have been at most (> 1 for small shares), known before it was seen. The mean is that
    of differences of proportions, so it is between −1 and 1.
    """
    if len(values) == 0:
        return 1.0
    pairs, counts = np.unique(np.stack([values, highest], axis=1), axis=0, return_counts=True)
    low, high = -1.0, 1.0 - 1e-9
    if _log_capital(pairs, counts, high) < -math.log(alpha):
        return 1.0
    while high - low > 1e-7:  # the capital grows with m
        middle = (low + high) / 2
        low, high = (low, middle) if _log_capital(pairs, counts, middle) >= -math.log(alpha) else (middle, high)
    return high


def is_below(values: Floats, highest: Floats, mean: float, alpha: float) -> bool:
    """Whether the upper bound is below ``mean``; cheaper than the bound itself."""
    pairs, counts = np.unique(np.stack([values, highest], axis=1), axis=0, return_counts=True)
    return len(values) > 0 and _log_capital(pairs, counts, mean) >= -math.log(alpha)


def lower(values: Floats, lowest: Floats, alpha: float) -> float:
    """Lower bound of the mean, as ``upper``. lowest: what each value could have been at least."""
    return -upper(-values, -lowest, alpha)


def _log_capital(pairs: Floats, counts: NDArray[np.int64], mean: float) -> float:
    values, highest = pairs[:, 0], pairs[:, 1]
    largest = 1 / (highest - mean)
    growth = np.log1p(np.outer(_FRACTIONS, largest * (mean - values))) @ counts
    return float(np.logaddexp.reduce(np.log(_STAKES) + growth))


def units_needed(share: float, margin: float, alpha: float) -> int | None:
    """Units without any error until the upper bound is below ``margin``; share: of the challenger, 1 for pairs."""
    gain = math.log1p(_FRACTIONS[0] * margin / (1 / share - margin)) if 0 < margin < 1 and share > 0 else 0.0
    return math.ceil((math.log(1 / alpha) - math.log(_STAKES[0])) / gain) if gain > 0 else None
