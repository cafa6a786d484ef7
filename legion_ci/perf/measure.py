"""One load from plan to figures: what the stage, a duel, a sweep and a soak all do."""

from __future__ import annotations

from pathlib import Path

from legion_ci.core.tools import Tools
from legion_ci.perf import locust
from legion_ci.perf.batches import cut
from legion_ci.perf.log import TICKS, read_ticks
from legion_ci.perf.outcome import Run
from legion_ci.perf.plan import Plan


def measure(plan: Plan, locustfile: Path, folder: Path, tools: Tools) -> Run:
    """Run the plan with the locustfile and cut what was seen into batches; errors as ``locust.load``."""
    status = locust.load(plan, locustfile, folder, tools)
    ended_s = max(min(plan.duration_s, status.ended_s), plan.warmup_s + 1)  # the team's file may end it before
    measured = cut((t for t, _ in read_ticks(plan.file(TICKS))), ended_s, plan.warmup_s)
    return Run(plan=plan, status=status, measured=measured, locustfile=locustfile)
