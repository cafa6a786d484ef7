"""Exact probabilities over all outcomes of paired rows: (gained, lost, the rest) of a trinomial, cut at 9 deviations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats


def probability(n: int, gain: float, loss: float, decision: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> float:
    """Chance that ``decision(gained, lost)`` holds when a row is gained or lost with these probabilities."""
    gained = _range(n, gain)
    lost = _range(n, loss)
    first = stats.binom.pmf(gained, n, gain)[:, None]
    second = stats.binom.pmf(lost[None, :], n - gained[:, None], loss / (1 - gain))
    weight = first * second
    assert abs(weight.sum() - 1) < 1e-6
    return float(np.sum(weight * decision(gained[:, None], lost[None, :])))


def _range(n: int, p: float) -> np.ndarray:
    reach = 9 * np.sqrt(n * p * (1 - p)) + 9
    return np.arange(max(0, int(n * p - reach)), min(n, int(n * p + reach)) + 1)
