"""The area under the ROC curve: of one model, and of two on the same rows, with DeLong's variance in O(n log n).

E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, Biometrics 44 (1988) 837-845; X. Sun and W. Xu, Fast
implementation of DeLong's algorithm, IEEE Signal Processing Letters 21 (2014) 1389-1393.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from legion_ci.quality.statistics.estimate import Estimate, LargeSample, z
from legion_ci.quality.statistics.proportion import PairedShare, Share

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Placements:
    """positives[i]: share of negatives ranked below positive i; negatives[j]: share of positives above negative j."""

    area: float
    positives: Floats
    negatives: Floats


def placements(positive: NDArray[np.bool_], scores: Floats) -> Placements:
    """Placement values by mid-ranks; ties count half. positive, scores: one value a row."""
    n1 = int(positive.sum())
    n0 = len(positive) - n1
    ranks = stats.rankdata(scores)
    above = (ranks[positive] - stats.rankdata(scores[positive])) / n0
    below = 1 - (ranks[~positive] - stats.rankdata(scores[~positive])) / n1
    return Placements(float(above.mean()), above, below)


def area(positive: NDArray[np.bool_], scores: Floats) -> float:
    """The area itself: the chance that a positive row is ranked above a negative one."""
    return placements(positive, scores).area


def influence(positive: NDArray[np.bool_], scores: Floats) -> Floats:
    """What each row moves the area by (times n): placement less the mean, by class; adds up to 0 in each class."""
    placed = placements(positive, scores)
    values = np.empty(len(positive))
    values[positive] = (placed.positives - placed.area) * len(positive) / len(placed.positives)
    values[~positive] = (placed.negatives - placed.area) * len(positive) / len(placed.negatives)
    return values


def single(positive: NDArray[np.bool_], scores: Floats) -> Estimate:
    """One model's area; bounds on the logit scale. Without any spread: exact on min(n₁, n₀) independent pairs."""
    placed = placements(positive, scores)
    se = _se(placed.positives, placed.negatives)
    if se < 1e-12 or not 0 < placed.area < 1:
        pairs = min(len(placed.positives), len(placed.negatives))
        return Share(int(placed.area * pairs), pairs, "independent pairs, Clopper-Pearson")
    return LogitArea(placed.area, se, len(positive))


def paired(positive: NDArray[np.bool_], candidate: Floats, champion: Floats) -> Estimate:
    """The candidate's gain in area on the same rows. Without any spread: Tango's on min(n₁, n₀) independent pairs."""
    new, old = placements(positive, candidate), placements(positive, champion)
    effect = new.area - old.area
    se = _se(new.positives - old.positives, new.negatives - old.negatives)
    if se < 1e-12:
        pairs = min(len(new.positives), len(new.negatives))
        gained, lost = int(max(effect, 0) * pairs), math.ceil(max(-effect, 0) * pairs)
        return PairedShare(gained, lost, pairs, "independent pairs, Tango")
    return LargeSample(effect, se, len(positive), "DeLong")


@dataclass(frozen=True)
class LogitArea:
    """An area with normal bounds on the logit scale, so that they stay within 0 and 1."""

    effect: float
    se: float
    n: int
    method: str = "DeLong, logit"

    @property
    def _logit(self) -> tuple[float, float]:
        spread = self.effect * (1 - self.effect)
        return math.log(self.effect / (1 - self.effect)), self.se / spread

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper bound, each at one-sided ``alpha``."""
        middle, se = self._logit
        low, high = middle - z(alpha) * se, middle + z(alpha) * se
        return 1 / (1 + math.exp(-low)), 1 / (1 + math.exp(-high))

    def p_below(self, bound: float) -> float:
        """p of the hypothesis effect ≥ bound."""
        return float(stats.norm.cdf(self._distance(bound)))

    def p_above(self, bound: float) -> float:
        """p of the hypothesis effect ≤ bound."""
        return float(stats.norm.sf(self._distance(bound)))

    def _distance(self, bound: float) -> float:
        if not 0 < bound < 1:
            return math.inf if bound <= 0 else -math.inf
        middle, se = self._logit
        return (middle - math.log(bound / (1 - bound))) / se


def _se(positives: Floats, negatives: Floats) -> float:
    return math.sqrt(positives.var(ddof=1) / len(positives) + negatives.var(ddof=1) / len(negatives))
