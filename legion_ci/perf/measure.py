"""One load from plan to figures: what the stage, a duel, a sweep and a soak all do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from legion_ci.core.tools import Tools
from legion_ci.perf import locust
from legion_ci.perf.batches import Measured, cut
from legion_ci.perf.budgets import Budget
from legion_ci.perf.log import TICKS, Status, read_ticks
from legion_ci.perf.plan import Plan
from legion_ci.perf.warmup import steady_from

_LEAST_S = 1.0  # that is measured


@dataclass(frozen=True)
class Run:
    """A load that was run: the plan, the generator's account, what was measured from ``warmup_s`` to ``ended_s``."""

    plan: Plan
    status: Status
    measured: Measured
    locustfile: Path
    warmup_s: float
    ended_s: float

    def about(self, budget: Budget) -> Measured | None:
        """What a budget is about: all, one endpoint, one phase; None when the load ended before that phase."""
        return self.within(budget.endpoint, budget.phase)

    def within(self, endpoint: str = "", phase: str = "") -> Measured | None:
        """Requests of one endpoint, of one phase, or of both, read from the log again; ``measured`` is for all."""
        if not endpoint and not phase:
            return self.measured
        begun_s, done_s = self.plan.window(phase)
        first_s, last_s = max(begun_s, self.warmup_s), min(done_s, self.ended_s)
        return None if last_s - first_s < _LEAST_S else figures(self.plan, first_s, last_s, endpoint)

    def endpoints(self) -> list[str]:
        """Names of what was asked for, as Locust tells them."""
        return sorted({t.name for t, _ in read_ticks(self.plan.file(TICKS)) if t.answered or t.failed})


def measure(plan: Plan, locustfile: Path, folder: Path, tools: Tools, watchdog: locust.Watchdog | None = None) -> Run:
    """Run the plan with the locustfile and cut what was seen into batches; errors as ``locust.load``."""
    status = locust.load(plan, locustfile, folder, tools, watchdog)
    ended_s = min(plan.duration_s, status.ended_s)
    warmup_s = min(warm_until(plan), max(0.0, ended_s - _LEAST_S))
    ended_s = max(ended_s, warmup_s + _LEAST_S)  # the team's file may end it before
    return Run(plan, status, figures(plan, warmup_s, ended_s), locustfile, warmup_s, ended_s)


def warm_until(plan: Plan) -> float:
    """Seconds of the run in the plan's folder that are warm-up: up to where it is stationary, ``warmup_s`` at most."""
    if plan.fixed_warmup or not plan.warmup_s or plan.trace or plan.alike_until_s <= plan.warmup_s:
        return plan.warmup_s
    return steady_from((t for t, _ in read_ticks(plan.file(TICKS))), plan.warmup_s, plan.alike_until_s)


def figures(plan: Plan, from_s: float, to_s: float, endpoint: str = "") -> Measured:
    """What the log says about the requests meant to start within these seconds."""
    ticks = (t for t, _ in read_ticks(plan.file(TICKS)) if not endpoint or t.name == endpoint)
    return cut(ticks, to_s, from_s)
