"""Two independent rates compared: their difference and their ratio, with bounds that hold for few successes.

Difference: R. G. Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10 (Wilson's limits, squared and added).
Ratio: D. Katz et al., Biometrics 34 (1978) 469-474, with half a success added (S. D. Walter 1975).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

from legion_ci.quality.statistics.estimate import z


@dataclass(frozen=True)
class TwoRates:
    """x of n against y of m."""

    x: int
    n: int
    y: int
    m: int

    @property
    def difference(self) -> float:
        """First rate less the second."""
        return self.x / self.n - self.y / self.m

    @property
    def log_ratio(self) -> float:
        """log(first rate/second), half a success added to each."""
        return math.log((self.x + 0.5) / (self.n + 0.5)) - math.log((self.y + 0.5) / (self.m + 0.5))

    def difference_interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper bound of the difference, each at one-sided ``alpha``."""
        p, q = self.x / self.n, self.y / self.m
        (low_p, high_p), (low_q, high_q) = wilson(self.x, self.n, alpha), wilson(self.y, self.m, alpha)
        low = p - q - math.hypot(p - low_p, high_q - q)
        return low, p - q + math.hypot(high_p - p, q - low_q)

    def log_ratio_interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper bound of the log of the ratio, each at one-sided ``alpha``."""
        reach = z(alpha) * self.log_ratio_se
        return self.log_ratio - reach, self.log_ratio + reach

    @property
    def difference_se(self) -> float:
        """Standard error of the difference, one success and one failure added to each (A. Agresti, B. Caffo 2000)."""
        p, q = (self.x + 1) / (self.n + 2), (self.y + 1) / (self.m + 2)
        return math.sqrt(p * (1 - p) / (self.n + 2) + q * (1 - q) / (self.m + 2))

    @property
    def log_ratio_se(self) -> float:
        """Standard error of the log of the ratio."""
        parts = 1 / (self.x + 0.5) - 1 / (self.n + 0.5) + 1 / (self.y + 0.5) - 1 / (self.m + 0.5)
        return math.sqrt(max(parts, 1e-12))


def wilson(x: int, n: int, alpha: float) -> tuple[float, float]:
    """Wilson's score limits of a rate, each at one-sided ``alpha``."""
    at = z(alpha)
    middle, reach = x + at**2 / 2, at * math.sqrt(max(x * (n - x) / n, 0) + at**2 / 4)
    return max(0.0, (middle - reach) / (n + at**2)), min(1.0, (middle + reach) / (n + at**2))


def p_beyond(distance: float, se: float, limit: float) -> float:
    """p of the hypothesis |true value| ≤ limit, for an observed |value|; the larger tail's and the smaller's."""
    return float(min(1.0, stats.norm.sf((distance - limit) / se) + stats.norm.sf((distance + limit) / se)))
