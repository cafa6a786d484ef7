"""Seeded experiments for the statistics: continuous looks at equal or different arms, counted by what they decided."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from legion_ci.promote.statistics import betting, events, ratio, sequence

Floats = NDArray[np.float64]
MIN_EVENTS = 20


@dataclass(frozen=True)
class Cell:
    """One cell: units a step with its share and base rate, the true gain, the level, the spacing of looks in units."""

    shares: tuple[float, ...]
    bases: tuple[float, ...]
    units: int
    gain: float = 0.0
    alpha: float = 0.05
    margin: float = 0.0
    every: int = 100

    @property
    def total(self) -> int:
        return self.units * len(self.shares)


def live(cell: Cell, random: np.random.Generator) -> tuple[bool, bool, int]:
    """One experiment of binary scores: (decided PASS at any look, decided FAIL at any look, units until the first)."""
    share, base = np.repeat(cell.shares, cell.units), np.repeat(cell.bases, cell.units)
    stratum = np.repeat(np.arange(len(cell.shares)), cell.units)
    treated = random.random(cell.total) < share
    score = (random.random(cell.total) < base + cell.gain * treated).astype(float)
    passed = failed = False
    first = cell.total + 1
    for n in range(cell.every, cell.total + 1, cell.every):
        if _fewest(treated[:n], score[:n]) < MIN_EVENTS:
            continue
        found = sequence.stratified(
            score[:n], treated[:n], share[:n], stratum[:n], scale=1.0, alpha_lower=cell.alpha, alpha_upper=cell.alpha
        )
        if found is None:
            continue
        passed, failed = passed or found.lower > -cell.margin, failed or found.upper < -cell.margin
        first = min(first, n) if passed or failed else first
    return passed, failed, first


def _fewest(treated: NDArray[np.bool_], score: Floats) -> int:
    return min(int(np.sum(arm & (score == value))) for arm in (treated, ~treated) for value in (0.0, 1.0))


def pairs(gains: Floats, *, scale: float, margin: float, alpha: float, least: int, every: int) -> tuple[bool, bool]:
    """One shadow experiment: decided PASS, FAIL at any look."""
    passed = failed = False
    for n in range(least, len(gains) + 1, every):
        found = sequence.paired(gains[:n], scale=scale, alpha_lower=alpha, alpha_upper=alpha)
        if found is not None:
            passed, failed = passed or found.lower > -margin, failed or found.upper < -margin
    return passed, failed


def errors_fail(share: float, rate: float, worse: float, units: int, alpha: float, random: np.random.Generator) -> bool:
    """Whether equal (or worse) error rates are ever called worse, looked at after every error."""
    treated = random.random(units) < share
    erred = random.random(units) < rate + worse * treated
    arm = treated[erred]
    shares = np.full(len(arm), share)
    limit = -math.log(alpha)
    return any(events.log_evidence(arm[:n], shares[:n]) >= limit for n in range(1, len(arm) + 1))


def errors_pass(excess: float, base: float, units: int, margin: float, alpha: float, every: int, random: np.random.Generator) -> bool:  # fmt: skip
    """Whether pairs with that excess of errors are ever shown to be within the margin."""
    u = random.random(units)
    difference = np.where(u < base, 0.0, np.where(u < base + excess, 1.0, 0.0))
    looks = range(every, units + 1, every)
    return any(betting.is_below(difference[:n], np.ones(n), margin, alpha) for n in looks)


def ratio_stops(share: float, true_share: float, units: int, random: np.random.Generator) -> bool:
    """Whether the sample-ratio test, looked at after every unit, ever stops the experiment."""
    return ratio.p_value(random.random(units) < true_share, share) < 0.001


def at_most(count: int, runs: int, rate: float, sigmas: float = 4.0) -> bool:
    """Whether a count of runs is compatible with a true rate of at most ``rate``."""
    return count <= runs * rate + sigmas * math.sqrt(runs * rate * (1 - rate))
