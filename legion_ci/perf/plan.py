"""What the generator is told, and the plans that are refused because even a faultless run could not pass them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

from legion_ci.core.errors import Problem
from legion_ci.perf import bounds
from legion_ci.perf.budgets import Budget

DRAIN_S = 10.0  # how long answers are waited for after the last arrival
LATE_S = 0.01  # an arrival sent this much after its time, with a user free, is late
_LATE_LEAST_S = 0.001
_MINIMUM_MEASURED_S = 2.0
_SLACK = 1.05  # arrivals are random: the shortest duration is told with a little room


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A load test as the generator runs it. Times in seconds, rate in requests a second.

    users: ready at the start; most_users: how many may be added while all are busy. late_s: see ``LATE_S``. bodies: a
    file of request bodies, one a line. refused: why an open-arrival run of this plan must not start. parent: the
    process without which the generator ends itself.
    """

    host: str
    rate: float
    arrivals: str
    duration_s: float
    warmup_s: float
    users: int
    most_users: int
    late_s: float
    bodies: str
    folder: str
    refused: tuple[Problem, ...] = ()
    drain_s: float = DRAIN_S
    seed: int = 20261121
    parent: int = 0
    raw_limit_bytes: int = 64 << 20

    def file(self, name: str) -> Path:
        """A file of the run."""
        return Path(self.folder) / name


def most_users(users: int, rate: float, budgets: Sequence[Budget]) -> int:
    """How many requests may be open at once; beyond (Little's law) the largest latency budget is broken twice over."""
    slowest_s = max((b.bound / 1000 for b in budgets if b.kind == "time"), default=0.0)
    return max(10 * users, math.ceil(2 * rate * slowest_s))


def late_s(budgets: Sequence[Budget]) -> float:
    """What counts as sent late: 10 ms, or half of the tightest latency budget, but not less than a millisecond."""
    tightest_s = min((b.bound / 1000 for b in budgets if b.kind == "time"), default=math.inf)
    return max(_LATE_LEAST_S, min(LATE_S, tightest_s / 2))


class Load(msgspec.Struct, frozen=True):
    """The arrivals of a plan: requests a second, poisson or constant; of ``duration_s``, ``warmup_s`` are cut."""

    rate: float
    arrivals: str
    duration_s: float
    warmup_s: float


def refusals(budgets: Sequence[Budget], load: Load, alpha: float) -> tuple[Problem, ...]:
    """Budgets that even a faultless run of this load could not pass, each with the shortest duration that could."""
    found = (_refusal(b, load, alpha) for b in budgets)
    return tuple(p for p in found if p is not None)


def _refusal(budget: Budget, load: Load, alpha: float) -> Problem | None:
    if budget.kind == "rate" and budget.bound >= load.rate:
        what = f"a rate of {load.rate:g}/s can never show {budget.name!r}"
        return Problem(what, budget.where, "raise perf.rate above the budget")
    measured_s = load.duration_s - load.warmup_s
    least_s = max(_needed_s(budget, load, alpha), _MINIMUM_MEASURED_S)
    if measured_s >= least_s:
        return None
    plan = f"{load.rate:g}/s for {measured_s:g} s (after {load.warmup_s:g} s of warm-up)"
    shortest_s = math.ceil(least_s * _SLACK + load.warmup_s)
    return Problem(
        f"{plan} cannot show {budget.name!r}, not even without a fault",
        budget.where,
        f"the shortest perf.duration that could is {shortest_s}s",
    )


def _needed_s(budget: Budget, load: Load, alpha: float) -> float:
    if budget.kind == "rate":  # the half-width that random arrivals alone give must fit between rate and budget
        noise = bounds.student(bounds.BATCHES - 1, alpha) if load.arrivals == "poisson" else 0.0
        return load.rate * (noise / (load.rate - budget.bound)) ** 2
    if budget.kind == "share":
        return bounds.requests_needed(budget.bound, alpha) / load.rate
    return bounds.requests_needed(1 - budget.quantile, alpha) / load.rate if budget.quantile else 0.0
