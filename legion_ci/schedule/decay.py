"""Decay: the champion's score on outcomes lately against its own before.

The difference of two means over rows with a lower bound by Student's t. Rows of one unit belong together: variances are
those of the units' sums (K.-Y. Liang and S. Zeger, Biometrika 73 (1986) 13-22, with the factor G/(G-1)). Units that are in both
halves and err alike in both make the bound wider than it need be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from legion_ci.schedule.decision import Finding, span
from legion_ci.settings.schema import DecayTrigger

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Half:
    """Scored rows of one time. score: NaN where there was no outcome; more is better. unit: whose row it is."""

    score: Floats
    unit: NDArray[np.object_]

    @property
    def coverage(self) -> float:
        """Share of the rows that have a score."""
        return float(np.mean(~np.isnan(self.score))) if len(self.score) else 0.0


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error; units: independent ones behind it."""

    value: float
    se: float
    units: int


def judge(settings: DecayTrigger, metric: str, before: Half, lately: Half, min_coverage: float) -> Finding:
    """Whether the champion is shown to have lost more than the margin."""
    old, new = mean(before), mean(lately)
    if problem := _too_little(settings, old, new, before, lately, min_coverage):
        return Finding("decay", "unknown", problem)
    loss, se = old.value - new.value, math.hypot(old.se, new.se)
    least = loss - float(stats.t.isf(settings.alpha, min(old.units, new.units) - 1)) * se
    told = f"{metric} {abs(old.value):.4g} before, {abs(new.value):.4g} in the last {span(settings.window)}"
    if least > settings.margin:
        return Finding("decay", "yes", f"{told}: a loss of at least {least:.2g} (margin {settings.margin:g})")
    return Finding("decay", "no", f"{told}: a loss above {settings.margin:g} is not shown")


def _too_little(
    settings: DecayTrigger, old: Mean, new: Mean, before: Half, lately: Half, min_coverage: float
) -> str:  # fmt: skip
    for when, half, found in (("before", before, old), ("lately", lately, new)):
        if found.units < settings.min_units:
            return f"{found.units:,} units with outcomes {when}, {settings.min_units:,} are needed"
        if half.coverage < min_coverage:
            return f"outcomes {when} cover {half.coverage:.0%} of the rows, {min_coverage:.0%} are needed"
    return ""


def mean(half: Half) -> Mean:
    """The mean of the scored rows, with the standard error of units as clusters."""
    scored = ~np.isnan(half.score)
    values, units = half.score[scored], np.unique(half.unit[scored].astype(str), return_inverse=True)[1]
    count = int(units.max()) + 1 if len(units) else 0
    if count < 2:
        return Mean(float(values.mean()) if len(values) else math.nan, math.inf, count)
    centre = float(values.mean())
    sums = np.bincount(units, weights=values - centre)
    return Mean(centre, float(np.sqrt(np.sum(sums**2) * count / (count - 1)) / len(values)), count)
