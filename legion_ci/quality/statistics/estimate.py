"""What every method gives: an effect with one-sided bounds and tests; and the one by the normal or t law."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from scipy import stats

POWER = 0.80  # that planned sample sizes aim at


class Estimate(Protocol):
    """An effect and how sure it is. Units are the metric's; ``se`` is the large-sample standard error, for planning."""

    @property
    def effect(self) -> float:
        """The point value."""

    @property
    def se(self) -> float:
        """Standard error of the effect."""

    @property
    def n(self) -> int:
        """Rows that it rests on."""

    @property
    def method(self) -> str:
        """The method's name, for people."""

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper bound, each at one-sided ``alpha``."""

    def p_below(self, bound: float) -> float:
        """p of the hypothesis effect ≥ bound; small when the effect is shown to be below."""

    def p_above(self, bound: float) -> float:
        """p of the hypothesis effect ≤ bound; small when the effect is shown to be above."""


@dataclass(frozen=True)
class LargeSample:
    """effect ± quantile · se; df: degrees of freedom of Student's t, infinite for the normal law."""

    effect: float
    se: float
    n: int
    method: str
    df: float = math.inf

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper bound, each at one-sided ``alpha``."""
        reach = float(stats.t.isf(alpha, self.df)) * self.se
        return self.effect - reach, self.effect + reach

    def p_below(self, bound: float) -> float:
        """p of the hypothesis effect ≥ bound."""
        return float(stats.t.cdf(_ratio(self.effect - bound, self.se), self.df))

    def p_above(self, bound: float) -> float:
        """p of the hypothesis effect ≤ bound."""
        return float(stats.t.sf(_ratio(self.effect - bound, self.se), self.df))


def z(alpha: float) -> float:
    """The normal quantile that is exceeded with probability ``alpha``."""
    return float(stats.norm.isf(alpha))


def rows_needed(estimate: Estimate, distance: float, alpha: float) -> int | None:
    """Rows for 80 % power to decide when the truth is ``distance`` from the bound, at the spread seen; None: never."""
    if not distance > 0 or not math.isfinite(estimate.se) or estimate.se == 0:
        return None
    rows = estimate.n * (estimate.se * (z(alpha) + z(1 - POWER)) / distance) ** 2
    return math.ceil(rows) if math.isfinite(rows) and rows < 1e15 else None


def visible_loss(estimate: Estimate, level: float, margin: float = 0.0) -> float:
    """The loss that a test at ``level`` shows with 80 % power, at the spread seen."""
    return margin + (z(level) + z(1 - POWER)) * estimate.se


def _ratio(difference: float, se: float) -> float:
    if se > 0:
        return difference / se
    return math.copysign(math.inf, difference) if difference else 0.0
