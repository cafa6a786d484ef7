"""Decides a duel from the log-ratios of its pairs: slower by more than the margin, not slower, or not known yet.

A pair loads both arms one after the other, so that what the machine does to both cancels; the order alternates and has
its term in the model y = μ + β·order, so that a drift from run to run does not count as a difference. μ is judged by
Student's t. Several looks cost error: the first look gets most of α, the others a little each; the levels were set by
simulation (bench/perf_duel.py), not by a formula.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from legion_ci.results import Outcome

FEWEST_PAIRS = 4  # two degrees of freedom are left
_FIRST, _LATER = 0.94, 0.2  # parts of α that the first look and all later ones together may use
_ALIKE = 2.0  # standard errors from which neighbouring pairs count as alike

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Estimate:
    """The mean log-ratio of n pairs. pair_sd: of one pair, without order and mean. neighbours: their lag-1 correlation."""

    mean: float
    error: float
    degrees: int
    pair_sd: float
    neighbours: float
    n: int

    def bounds(self, alpha: float) -> tuple[float, float]:
        """One-sided lower and upper bound of the mean, each at ``alpha``."""
        half = float(special.stdtrit(self.degrees, 1 - alpha)) * self.error
        return self.mean - half, self.mean + half

    @property
    def neighbours_are_alike(self) -> bool:
        """Whether what is left of neighbouring pairs goes together, so that the pairs are fewer than they seem."""
        return self.neighbours > _ALIKE / math.sqrt(self.n)


def looks(pairs: int, most: int) -> tuple[int, ...]:
    """Numbers of pairs at which the duel is judged: ``pairs``, then doubled, at last ``most``; all even."""
    found = [_even(pairs)]
    while found[-1] < _even(most):
        found.append(min(2 * found[-1], _even(most)))
    return tuple(found)


def levels(count: int, alpha: float) -> tuple[float, ...]:
    """The level of each of ``count`` looks; a single look has all of α."""
    return (alpha,) if count == 1 else (_FIRST * alpha, *[_LATER / (count - 1) * alpha] * (count - 1))


def estimate(ratios: Sequence[float], first: Sequence[bool]) -> Estimate:
    """Mean and error of log-ratios (n,); first: whether the challenger was loaded first, in half of the pairs."""
    y, order = np.asarray(ratios, dtype=float), np.where(np.asarray(first), 1.0, -1.0)
    if len(y) < FEWEST_PAIRS or order.sum() != 0:
        raise ValueError(f"a duel needs an even number of pairs, at least {FEWEST_PAIRS}, half of them in either order")
    mean = float(y.mean())
    residual = y - mean - float((y * order).mean()) * order
    square = float((residual**2).sum())
    sd = math.sqrt(square / (len(y) - 2))
    neighbours = float((residual[1:] * residual[:-1]).sum()) / square if square > 0 else 0.0
    return Estimate(mean, sd / math.sqrt(len(y)), len(y) - 2, sd, neighbours, len(y))


def judge(found: Estimate, margin: float, alpha: float, metrics: int) -> Outcome:
    """FAIL: slower by more than the margin, at α shared by all metrics; PASS: not, at α, since all must pass.

    margin: accepted slowdown as a share, 0.02 is 2 %.
    """
    bound = math.log1p(margin)
    if found.bounds(alpha / metrics)[0] > bound:
        return Outcome.FAIL
    return Outcome.PASS if found.bounds(alpha)[1] < bound else Outcome.INCONCLUSIVE


def pairs_needed(found: Estimate, margin: float, alpha: float, power: float = 0.8) -> int:
    """Pairs with which an equal challenger would pass with that power, at the noise that was seen."""
    reach = float(special.ndtri(1 - alpha) + special.ndtri(power))
    return max(FEWEST_PAIRS, _even(math.ceil((reach * found.pair_sd / math.log1p(margin)) ** 2) + 2))


def _even(number: int) -> int:
    return number + number % 2
