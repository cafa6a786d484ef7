"""The studentised bootstrap: bounds from the law of (replicate − effect)/se, which follows skewed losses.

P. Hall, Theoretical comparison of bootstrap confidence intervals, Annals of Statistics 16 (1988) 927-953.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from legion_ci.quality.statistics.estimate import Estimate
from legion_ci.quality.statistics.resampling import resampled_sums
from legion_ci.quality.statistics.smooth import Smooth, standard_error

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Studentised:
    """An effect with the sorted replicates of its studentised error."""

    effect: float
    se: float
    n: int
    errors: Floats  # sorted; infinite where a replicate had no spread
    method: str = "studentised bootstrap"

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper bound, each at one-sided ``alpha``."""
        rank = min(len(self.errors) - 1, int(np.ceil((len(self.errors) + 1) * (1 - alpha))) - 1)
        high, low = self.errors[rank], self.errors[len(self.errors) - 1 - rank]
        return float(self.effect - high * self.se), float(self.effect - low * self.se)

    def p_below(self, bound: float) -> float:
        """p of the hypothesis effect ≥ bound."""
        seen = (self.effect - bound) / self.se
        return (1 + int(np.searchsorted(self.errors, seen, side="right"))) / (len(self.errors) + 1)

    def p_above(self, bound: float) -> float:
        """p of the hypothesis effect ≤ bound."""
        seen = (self.effect - bound) / self.se
        return (1 + len(self.errors) - int(np.searchsorted(self.errors, seen, side="left"))) / (len(self.errors) + 1)


@dataclass(frozen=True)
class NoSpread:
    """All n rows gave the same: another value has a share of at most 1 − α^(1/n), and is at most ``reach`` away."""

    effect: float
    n: int
    reach: float
    se: float = 0.0
    method: str = "no spread, exact"

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper bound, each at one-sided ``alpha``."""
        away = self.reach * (1 - alpha ** (1 / self.n))
        return self.effect - away, self.effect + away

    def p_below(self, bound: float) -> float:
        """p of the hypothesis effect ≥ bound."""
        return self._p(self.effect - bound)

    def p_above(self, bound: float) -> float:
        """p of the hypothesis effect ≤ bound."""
        return self._p(bound - self.effect)

    def _p(self, distance: float) -> float:
        if distance >= 0:
            return 1.0
        return float(max(0.0, 1 + distance / self.reach) ** self.n) if self.reach > 0 else 0.0


def of_rows(metric: Smooth, rows: Floats, *, reach: float, replicates: int, rng: np.random.Generator) -> Estimate:
    """A smooth function of row means. rows: (n, k). reach: how far one row's value can be from another's."""
    n = len(rows)
    effect, se = float(metric.value(rows.mean(axis=0))), standard_error(metric, rows)
    if not se > 1e-12 * max(1.0, abs(effect)):
        return NoSpread(effect, n, reach)
    moments = centred_moments(rows)
    pieces = resampled_sums(n, lambda first, end: moments[first:end], replicates, rng)
    errors = np.concatenate([studentised(metric, rows.mean(axis=0), sums) for sums in pieces])
    return Studentised(effect, se, n, np.sort(errors))


def centred_moments(rows: Floats) -> Floats:
    """Columns 1, x, x·xᵀ (upper half) of the rows less their means: (n, 1 + k + k(k+1)/2)."""
    x = rows - rows.mean(axis=0)
    upper = np.triu_indices(x.shape[1])
    return np.concatenate([np.ones((len(x), 1)), x, x[:, upper[0]] * x[:, upper[1]]], axis=1)


def studentised(metric: Smooth, means: Floats, sums: Floats) -> Floats:
    """(replicate − effect)/se of the replicate, from sums of ``centred_moments`` (…, q)."""
    k = len(means)
    size = np.maximum(sums[..., :1], 1)
    shift, second = sums[..., 1 : k + 1] / size, sums[..., k + 1 :] / size
    slope = metric.gradient(means + shift)
    upper = np.triu_indices(k)
    twice = np.where(upper[0] == upper[1], 1.0, 2.0)
    spread = second - shift[..., upper[0]] * shift[..., upper[1]]
    variance = np.sum(spread * slope[..., upper[0]] * slope[..., upper[1]] * twice, axis=-1) / np.maximum(
        size[..., 0] - 1, 1
    )
    return ratio(metric.value(means + shift) - metric.value(means), np.sqrt(np.maximum(variance, 0)))


def ratio(difference: Floats, se: Floats) -> Floats:
    """difference/se; where se is nothing: 0 for no difference, else infinite with its sign."""
    with np.errstate(divide="ignore", invalid="ignore"):
        without = np.where(np.abs(difference) < 1e-300, 0.0, np.sign(difference) * np.inf)
        result: Floats = np.where(se > 1e-300, difference / se, without)
    return result
