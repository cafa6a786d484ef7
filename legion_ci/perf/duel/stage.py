"""Fights a duel with Locust: each run of a pair is a short load of one arm by the same plan."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from legion_ci.core.tools import Tools
from legion_ci.perf.duel.rounds import Figures, Rules, fight
from legion_ci.perf.histogram import percentiles_ms
from legion_ci.perf.measure import Run, measure
from legion_ci.perf.outcome import saturation
from legion_ci.perf.plan import Plan
from legion_ci.results import DuelResult, Outcome
from legion_ci.settings.schema import DuelSettings

_MOST_ERRORS = 0.01  # of an arm's requests: a refusal is no answer that could be timed


@dataclass(frozen=True)
class Arms:
    """Addresses of the two servers. champion: its deployment. live: the one that serves users, not a copy."""

    challenger: str
    opponent: str
    champion: str
    live: bool = False


Opponents = Callable[[], AbstractContextManager[Arms | None]]  # None: there is no champion to fight


class _Invalid(Exception):
    """A run that tells nothing about the arms."""


def run(
    settings: DuelSettings, *, arms: Arms, plan: Plan, locustfile: Path, folder: Path, alpha: float, tools: Tools
) -> DuelResult:
    """Load both arms in turn with ``locustfile`` at the plan's rate until the duel is decided.

    A run that the generator could not keep, or in which an arm refused requests, ends it INCONCLUSIVE.
    """
    rules = Rules(settings.metrics, settings.margin, settings.pairs, max(settings.pairs, settings.max_pairs), alpha)
    numbers = itertools.count(1)

    def load(url: str) -> Figures:
        return _figures(measure(_plan(plan, settings, url, next(numbers)), locustfile, folder, tools), url)

    try:
        said = fight(rules, arms.challenger, arms.opponent, load, tools.progress.say)
    except _Invalid as error:
        said = DuelResult(outcome=Outcome.INCONCLUSIVE, message=str(error))
    return msgspec.structs.replace(said, champion=arms.champion, live=arms.live)


def _plan(plan: Plan, settings: DuelSettings, url: str, number: int) -> Plan:
    folder = Path(plan.folder) / "duel" / f"{number:03}"
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        left.unlink()
    short = plan.steady(
        host=url,
        rate=plan.rate,
        duration_s=settings.warmup + settings.run,
        warmup_s=settings.warmup,
        folder=folder,
        seed=plan.seed + (number + 1) // 2,  # both runs of a pair get the same arrivals
    )
    return msgspec.structs.replace(short, fixed_warmup=True)  # of both arms the same is cut


def _figures(done: Run, url: str) -> Figures:
    measured = done.measured
    if not measured.requests:
        raise _Invalid(f"no request was measured at {url} within {measured.measured_s:g} s")
    if measured.errors > _MOST_ERRORS * measured.requests:
        raise _Invalid(f"{measured.errors} of {measured.requests} requests failed at {url}")
    if why := saturation(done.plan, done.status, measured):
        raise _Invalid(f"the load generator could not keep its plan: {why}")
    found = percentiles_ms(measured.times)
    return {"p50": found["p50"], "p99": found["p99"]}
