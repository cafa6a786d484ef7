"""The sequential sample-ratio test: are there as many units in the challenger's arm as its share says?

Dirichlet-multinomial e-process for two arms (after Lindon & Malek 2022): valid however often it is looked at, where a
chi-squared test at every unit stops 3 % of sound experiments.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

LEAK = (1000.0,)  # prior strength: tuned to small leaks in thousands of units
ARRIVAL = (20.0, 1000.0)  # outcomes that arrive in one arm only are a large effect on few units


def p_value(treated: NDArray[np.bool_], share: float, strengths: tuple[float, ...] = LEAK) -> float:
    """Always-valid p value: 1 over the largest e-value so far. treated: one entry a unit, in the order of arrival."""
    if len(treated) == 0 or not 0 < share < 1:
        return 1.0
    return _p(np.mean([_e_values(treated, share, k) for k in strengths], axis=0))


def difference_p_value(treated: NDArray[np.bool_], covered: NDArray[np.bool_], share: float) -> float:
    """Always-valid p value for 'outcomes arrive equally often in both arms': covered and uncovered units, half each."""
    if len(treated) == 0 or not 0 < share < 1:
        return 1.0
    e = np.mean(
        [
            _held(_e_values(treated[part], share, k), part)
            for part in (covered, ~covered)
            for k in ARRIVAL
        ],
        axis=0,
    )  # fmt: skip
    return _p(e)


def _e_values(treated: NDArray[np.bool_], share: float, strength: float) -> NDArray[np.float64]:
    x = np.cumsum(treated)
    y = np.arange(1, len(treated) + 1) - x
    a, b = strength * share, strength * (1 - share)
    log_e = betaln(a + x, b + y) - betaln(a, b) - x * np.log(share) - y * np.log1p(-share)
    return np.asarray(np.exp(np.minimum(log_e, 700.0)), dtype=np.float64)


def _held(values: NDArray[np.float64], part: NDArray[np.bool_]) -> NDArray[np.float64]:
    """e-values of a part of the units, at every unit: unchanged while other units arrive."""
    seen = np.cumsum(part)
    return np.concatenate(([1.0], values))[seen]


def _p(e: NDArray[np.float64]) -> float:
    return float(min(1.0, 1.0 / max(float(e.max()), 1.0)))
