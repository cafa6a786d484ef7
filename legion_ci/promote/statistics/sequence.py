"""Asymptotic confidence sequences for the gain of a challenger: paired, and stratified under a changing split.

Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), Annals of Statistics: one-sided form, valid at every look once the
sample is large enough for its variance to be known. How large is the caller's business (``claims``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TUNED_FOR = 5_000  # units at which the sequence is tightest; the mean sample changes < 10 % from 5,000 to 50,000


@dataclass(frozen=True)
class Interval:
    """A gain with its always-valid bounds, lower and upper one-sided at their own levels. n: units. sd: of one unit."""

    effect: float
    lower: float
    upper: float
    n: int
    sd: float = math.nan


def radius(n: int, alpha: float, tuned_for: float = TUNED_FOR) -> float:
    """Half-width in standard deviations of one unit after n units, one-sided at alpha (< 0.5)."""
    twice = -2 * math.log(2 * alpha)
    rho2 = (twice + math.log(twice + 1)) / tuned_for
    t = n * rho2 + 1
    return math.sqrt(2 * t / (n * n * rho2) * math.log(1 + math.sqrt(t) / (2 * alpha)))


def paired(gains: Floats, *, scale: float, alpha_lower: float, alpha_upper: float) -> Interval | None:
    """Bounds of the mean of one gain a unit. None for less than two units.

    scale: the largest difference that one unit can show; one unseen pair of that size is added to the variance, so that
    equal answers so far never make a point of the interval.
    """
    n = len(gains)
    if n < 2:
        return None
    mean = float(gains.mean())
    sd = math.sqrt((float(np.square(gains - mean).sum()) + scale * scale) / n)
    return Interval(mean, mean - sd * radius(n, alpha_lower), mean + sd * radius(n, alpha_upper), n, sd)


def stratified(
    scores: Floats, treated: NDArray[np.bool_], shares: Floats, strata: NDArray[np.int64], *,
    scale: float, alpha_lower: float, alpha_upper: float,
) -> Interval | None:  # fmt: skip
    """Bounds of the mean gain of treated units, from units in the order of their first exposure.

    Centred inverse-propensity scores (a − w)(y − c): w the recorded share of the challenger, c the mean of earlier units
    of the stratum (predictable, so that nothing but the assignment is random). Strata weigh w(1 − w) a unit, which is
    the precision that they have. A drifting level moves c, never the gain. None when no unit could go either way.
    """
    centre = _earlier_means(scores, strata)
    open_ = np.isfinite(centre) & (shares > 0) & (shares < 1)
    n = int(open_.sum())
    weight = (shares * (1 - shares))[open_]
    if n < 2 or weight.sum() <= 0:
        return None
    parts = (treated[open_] - shares[open_]) * (scores[open_] - centre[open_])
    effect = float(parts.sum() / weight.sum())
    unseen = float((1 - shares[open_]).max()) * scale
    rest = parts - effect * weight
    sd = math.sqrt((float(np.square(rest).sum()) + unseen**2) / n) * n / float(weight.sum())
    return Interval(effect, effect - sd * radius(n, alpha_lower), effect + sd * radius(n, alpha_upper), n, sd)


def _earlier_means(scores: Floats, strata: NDArray[np.int64]) -> Floats:
    """Mean of the earlier units of the same stratum; for a stratum's first the mean of all before; NaN for the first."""
    before = np.concatenate(([np.nan], np.cumsum(scores)[:-1] / np.arange(1, len(scores))))
    centre = before.copy()
    for stratum in np.unique(strata):
        at = np.flatnonzero(strata == stratum)
        if len(at) > 1:
            centre[at[1:]] = np.cumsum(scores[at])[:-1] / np.arange(1, len(at))
    return centre


def units_needed(sd: float, distance: float, alpha: float) -> int | None:
    """Units until the half-width is below ``distance`` (80 % of the time about twice that); None when never in sight."""
    if distance <= 0 or not sd > 0:
        return None
    n = 2
    while sd * radius(n, alpha) > distance:
        n = int(n * 1.1) + 1
        if n > 10**9:
            return None
    return n
