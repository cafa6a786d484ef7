"""How far two distributions are apart, with bounds: PSI, Jensen-Shannon, χ² (as Cramér's V), Kolmogorov-Smirnov, Wasserstein.

Effects, not p-values: with many rows every difference is significant. Counts are two independent multinomials. Bounds are
those of the delta method; f-divergences are freed of their upward bias and carry the second-order variance, which is all
there is where the distributions agree (M. C. Pardo 2006, Statistical Inference Based on Divergence Measures, §3).
Kolmogorov-Smirnov: the law at the largest difference (M. Raghavachari, Annals of Statistics 1 (1973) 67-73).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from legion_ci.quality.statistics.estimate import z

Floats = NDArray[np.float64]
Partial = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True)
class Divergence:
    """effect ≥ 0 with its standard error; ``root``: bounds are found on the square and shown as its root."""

    effect: float
    se: float
    root: bool = False

    @property
    def value(self) -> float:
        """The effect in its own units."""
        return float(np.sqrt(max(self.effect, 0.0))) if self.root else max(self.effect, 0.0)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper bound, each at one-sided ``alpha``; never below 0."""
        reach = z(alpha) * self.se
        low, high = max(self.effect - reach, 0.0), max(self.effect + reach, 0.0)
        return (float(np.sqrt(low)), float(np.sqrt(high))) if self.root else (low, high)


@dataclass(frozen=True)
class _Separable:
    """Σ h(p, q) over bins, with h's first and second derivative by p; by q they are those with p and q swapped."""

    value: Partial
    slope: Partial
    bend: Partial


_LN2 = float(np.log(2))
_PSI = _Separable(
    lambda p, q: (p - q) * np.log(p / q),
    lambda p, q: np.log(p / q) + 1 - q / p,
    lambda p, q: 1 / p + q / p**2,
)
_JENSEN = _Separable(
    lambda p, q: (p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))) / (2 * _LN2),
    lambda p, q: np.log(2 * p / (p + q)) / (2 * _LN2),
    lambda p, q: (1 / p - 1 / (p + q)) / (2 * _LN2),
)
_SQUARES = _Separable(
    lambda p, q: (p - q) ** 2 / (p + q) / 2,
    lambda p, q: (p - q) / (p + q) - (p - q) ** 2 / (p + q) ** 2 / 2,
    lambda p, q: 4 * q**2 / (p + q) ** 3,
)


def psi(reference: Floats, seen: Floats) -> Divergence:
    """Population stability index of counts (bins,): Σ (p − q) ln(p/q). Half a row is added to every bin."""
    return _separable(_PSI, reference, seen)


def jensen_shannon(reference: Floats, seen: Floats) -> Divergence:
    """Jensen-Shannon distance, 0..1: the root of the divergence in bits."""
    return _separable(_JENSEN, reference, seen, root=True)


def cramers_v(reference: Floats, seen: Floats) -> Divergence:
    """χ² of the 2 × bins table as an effect 0..1, √(½ Σ (p − q)²/(p + q)): Cramér's V as if both had equally many rows."""
    return _separable(_SQUARES, reference, seen, root=True)


def kolmogorov_smirnov(reference: Floats, seen: Floats) -> Divergence:
    """Largest difference of the distribution functions. reference, seen: counts between the same cut points."""
    p, q = _shares(reference), _shares(seen)
    below_p, below_q = np.cumsum(p), np.cumsum(q)
    at = int(np.argmax(np.abs(below_p - below_q)))
    spread = below_p[at] * (1 - below_p[at]) / reference.sum() + below_q[at] * (1 - below_q[at]) / seen.sum()
    return Divergence(float(abs(below_p[at] - below_q[at])), float(np.sqrt(max(spread, 0.0))))


def wasserstein(reference: Floats, seen: Floats, widths: Floats) -> Divergence:
    """∫ |F − G|. widths: (bins − 1,) distances from each bin's values to the next bin's, in the wanted unit."""
    p, q = _shares(reference), _shares(seen)
    apart = np.cumsum(p - q)[:-1]
    signed = np.append(np.sign(apart) * widths, 0.0)
    of_bin = np.cumsum(signed[::-1])[::-1]  # what a row in the bin adds to the area
    return Divergence(
        float(np.sum(np.abs(apart) * widths)),
        float(np.sqrt(_spread(p, of_bin) / reference.sum() + _spread(q, of_bin) / seen.sum())),
    )


def _shares(counts: Floats) -> Floats:
    found: Floats = counts / counts.sum()
    return found


def _spread(shares: Floats, values: Floats) -> float:
    return float(max(np.sum(shares * values**2) - np.sum(shares * values) ** 2, 0.0))


def _separable(h: _Separable, reference: Floats, seen: Floats, *, root: bool = False) -> Divergence:
    p, q = _shares(reference + 0.5), _shares(seen + 0.5)
    n, m = reference.sum(), seen.sum()
    by_p, by_q = h.bend(p, q) * p * (1 - p) / n, h.bend(q, p) * q * (1 - q) / m
    effect = float(np.sum(h.value(p, q)) - np.sum(by_p + by_q) / 2)
    first = _spread(p, h.slope(p, q)) / n + _spread(q, h.slope(q, p)) / m
    return Divergence(effect, float(np.sqrt(first + np.sum((by_p + by_q) ** 2) / 2)), root)
