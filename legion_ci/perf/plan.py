"""What the generator is told, and the plans that are refused because even a faultless run could not pass them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from legion_ci.core.errors import Problem
from legion_ci.perf import bounds
from legion_ci.perf.arrivals import Phase, recorded, starts
from legion_ci.perf.budgets import Budget

DRAIN_S = 10.0  # how long answers are waited for after the last arrival
ABORT = "abort"  # a file in the run's folder: the load shall stop, and why
LATE_S = 0.01  # an arrival sent this much after its time, with a user free, is late
_LATE_LEAST_S = 0.001
_MINIMUM_MEASURED_S = 2.0
_SLACK = 1.05  # arrivals are random: the shortest duration is told with a little room


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A load test as the generator runs it. Times in seconds, rates in requests a second.

    rate: on average; phases: when it changes; trace: a file of intended starts that are replayed instead. warmup_s: the
    most that is cut; exactly that when ``fixed_warmup``. most_requests: after which the load ends. users: ready at the
    start, at once or ``hatch_rate`` a second; most_users: how many may be added while all are busy. late_s: see
    ``LATE_S``. requests: a file of what is sent (``requests.write``). token: where the JWT is (env:NAME or file:PATH).
    site, model: whose gateway takes the signed purpose. processes: Locust workers on this machine; 0: one process does it all.
    expect_workers: those that come from the machines ``workers_from``. null: address of the server that does nothing.
    refused: why an open-arrival run of this plan must not start. parent: the process without which the generator ends.
    """

    host: str
    rate: float
    arrivals: str
    duration_s: float
    warmup_s: float
    users: int
    most_users: int
    late_s: float
    folder: str
    requests: str = ""
    phases: tuple[Phase, ...] = ()
    trace: str = ""
    fixed_warmup: bool = False
    most_requests: int | None = None
    hatch_rate: float | None = None
    token: str = ""
    site: str = ""
    model: str = ""
    processes: int = 0
    expect_workers: int = 0
    workers_from: tuple[str, ...] = ()
    port: int = 0
    null: str = ""
    refused: tuple[Problem, ...] = ()
    drain_s: float = DRAIN_S
    seed: int = 20261121
    parent: int = 0
    raw_limit_bytes: int = 64 << 20

    def file(self, name: str) -> Path:
        """A file of the run."""
        return Path(self.folder) / name

    def starts(self) -> Iterator[float]:
        """Intended starts of all requests, rising, in seconds from the start of the run."""
        if self.trace:
            return (s for s in recorded(Path(self.trace)) if s < self.duration_s)
        phases = self.phases or (Phase(rate=self.rate, duration_s=self.duration_s),)
        return starts(self.arrivals, phases, self.seed)

    def window(self, phase: str) -> tuple[float, float]:
        """Start and end of the phase of that name in seconds; of the whole plan for ""."""
        begun_s = 0.0
        for p in self.phases:
            if phase and p.name == phase:
                return begun_s, begun_s + p.duration_s
            begun_s += p.duration_s
        return 0.0, self.duration_s

    @property
    def alike_until_s(self) -> float:
        """The end of the first part of the plan with one rate; 0 for a ramp, in which nothing is stationary."""
        if not self.phases:
            return self.duration_s
        return 0.0 if self.phases[0].end_rate != self.phases[0].rate else self.phases[0].duration_s

    def steady(
        self, *, host: str, rate: float, duration_s: float, warmup_s: float, folder: Path, seed: int | None = None
    ) -> Plan:
        """A short load at one rate in a folder of its own: for duels, sweeps and soaks. No raw log is kept."""
        return msgspec.structs.replace(
            self,
            host=host.rstrip("/"),
            rate=rate,
            duration_s=duration_s,
            warmup_s=warmup_s,
            folder=str(folder),
            phases=(),
            trace="",
            most_requests=None,
            null="",
            refused=(),
            raw_limit_bytes=0,
            seed=self.seed if seed is None else seed,
        )


def most_users(users: int, rate: float, budgets: Sequence[Budget]) -> int:
    """How many requests may be open at once; beyond (Little's law) the largest latency budget is broken twice over."""
    slowest_s = max((b.bound / 1000 for b in budgets if b.kind == "time"), default=0.0)
    return max(10 * users, math.ceil(2 * rate * slowest_s))


def late_s(budgets: Sequence[Budget]) -> float:
    """What counts as sent late: 10 ms, or half of the tightest latency budget, but not less than a millisecond."""
    tightest_s = min((b.bound / 1000 for b in budgets if b.kind == "time"), default=math.inf)
    return max(_LATE_LEAST_S, min(LATE_S, tightest_s / 2))


class Load(msgspec.Struct, frozen=True):
    """The arrivals of a plan: requests a second, poisson or constant; of ``duration_s``, ``warmup_s`` may be cut."""

    rate: float
    arrivals: str
    duration_s: float
    warmup_s: float
    phases: tuple[Phase, ...] = ()

    def within(self, phase: str) -> Load:
        """The load of one phase; the warm-up is cut from the first."""
        begun_s = 0.0
        for p in self.phases:
            if p.name == phase:
                cut_s = min(p.duration_s, max(0.0, self.warmup_s - begun_s))
                return Load(p.expected / p.duration_s, self.arrivals, p.duration_s, cut_s)
            begun_s += p.duration_s
        return self


def refusals(budgets: Sequence[Budget], load: Load, alpha: float) -> tuple[Problem, ...]:
    """Budgets that even a faultless run of this load could not pass, each with the shortest duration that could.

    An endpoint's budget is held to the requests of all: its own are not known before.
    """
    found = (_refusal(b, load.within(b.phase) if b.phase else load, alpha) for b in budgets)
    return tuple(p for p in found if p is not None)


def _refusal(budget: Budget, load: Load, alpha: float) -> Problem | None:
    if budget.kind == "rate" and budget.bound >= load.rate:
        what = f"a rate of {load.rate:g}/s can never show {budget.name!r}"
        return Problem(what, budget.where, "raise perf.rate above the budget")
    measured_s = load.duration_s - load.warmup_s
    least_s = max(_needed_s(budget, load, alpha), _MINIMUM_MEASURED_S)
    if measured_s >= least_s:
        return None
    plan = f"{load.rate:g}/s for {measured_s:g} s (after at most {load.warmup_s:g} s of warm-up)"
    shortest_s = math.ceil(least_s * _SLACK + load.warmup_s)
    setting = f"duration of the phase {budget.phase}" if budget.phase else "perf.duration"
    return Problem(
        f"{plan} cannot show {budget.name!r}, not even without a fault",
        budget.where,
        f"the shortest {setting} that could is {shortest_s}s",
    )


def _needed_s(budget: Budget, load: Load, alpha: float) -> float:
    if budget.kind == "rate":  # the half-width that random arrivals alone give must fit between rate and budget
        noise = bounds.student(bounds.BATCHES - 1, alpha) if load.arrivals == "poisson" else 0.0
        return load.rate * (noise / (load.rate - budget.bound)) ** 2
    if budget.kind == "share":
        return bounds.requests_needed(budget.bound, alpha) / load.rate
    return bounds.requests_needed(1 - budget.quantile, alpha) / load.rate if budget.quantile else 0.0
