"""Shares of right answers: of one model by Clopper and Pearson's exact bounds, of two on the same rows by Tango's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from legion_ci.quality.statistics import mcnemar, tango


@dataclass(frozen=True)
class Share:
    """``hits`` of ``n``; exact bounds (C. J. Clopper and E. S. Pearson, Biometrika 26, 1934)."""

    hits: int
    n: int
    method: str = "Clopper-Pearson"

    @property
    def effect(self) -> float:
        """The point value."""
        return self.hits / self.n

    @property
    def se(self) -> float:
        """Of the estimate shrunk by one hit and one miss, so that it is never 0."""
        p = (self.hits + 1) / (self.n + 2)
        return math.sqrt(p * (1 - p) / self.n)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper bound, each at one-sided ``alpha``."""
        misses = self.n - self.hits
        low = float(stats.beta.ppf(alpha, self.hits, misses + 1)) if self.hits else 0.0
        high = float(stats.beta.isf(alpha, self.hits + 1, misses)) if misses else 1.0
        return low, high

    def p_below(self, bound: float) -> float:
        """p of the hypothesis effect ≥ bound."""
        return float(stats.binom.cdf(self.hits, self.n, min(max(bound, 0.0), 1.0)))

    def p_above(self, bound: float) -> float:
        """p of the hypothesis effect ≤ bound."""
        return float(stats.binom.sf(self.hits - 1, self.n, min(max(bound, 0.0), 1.0)))


@dataclass(frozen=True)
class PairedShare:
    """Gain of the candidate on ``n`` rows: ``gained`` only it got right, ``lost`` only the champion did.

    Bounds by Tango (1998), tests exact (McNemar; against a margin after Berger and Boos).
    """

    gained: int
    lost: int
    n: int
    method: str = "Tango"

    @classmethod
    def of(cls, candidate: NDArray[np.bool_], champion: NDArray[np.bool_]) -> PairedShare:
        """From two vectors of right (true) and wrong, row by row."""
        return cls(int(np.sum(candidate & ~champion)), int(np.sum(~candidate & champion)), len(candidate))

    @property
    def effect(self) -> float:
        """The point value."""
        return (self.gained - self.lost) / self.n

    @property
    def se(self) -> float:
        """At the discordance seen, with one pair added, so that it is never 0."""
        return math.sqrt((self.gained + self.lost + 1) / self.n) / math.sqrt(self.n)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper bound, each at one-sided ``alpha``."""
        return tango.interval(self.gained, self.lost, self.n, alpha)

    def p_below(self, bound: float) -> float:
        """p of the hypothesis effect ≥ bound."""
        return mcnemar.p_loss(self.gained, self.lost, self.n, -bound)

    def p_above(self, bound: float) -> float:
        """p of the hypothesis effect ≤ bound."""
        return mcnemar.p_loss(self.lost, self.gained, self.n, bound)
