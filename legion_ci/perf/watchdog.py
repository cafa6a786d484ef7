"""Stops a load early when a budget is broken beyond doubt (``perf.abort_on_fail``).

Many looks cost error: the looks before the end share a tenth of α among them (Bonferroni), so that a deployment that
keeps its budgets is failed with at most 1.1 α, however often it is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

from legion_ci.perf.budgets import Budget
from legion_ci.perf.judge import judge
from legion_ci.perf.log import TICK_S, TICKS, read_ticks
from legion_ci.perf.measure import figures
from legion_ci.perf.plan import Plan
from legion_ci.results import Outcome

LOOKS = 20  # at most, before the end
_SHARE = 0.1  # of α, for all of them together
_LEAST_S = 2.0  # measured before the first look
_OPEN_S = 1.0  # the newest second is left out: answers to it are still to come
_SHORTEST_PAUSE_S = 1.0


class EarlyStop:
    """Holds the log of a load that is under way to its budgets."""

    def __init__(self, plan: Plan, budgets: Sequence[Budget], alpha: float) -> None:
        self._plan, self._budgets = plan, [b for b in budgets if not b.phase]
        self._alpha = alpha * _SHARE / LOOKS
        self.every_s = max(_SHORTEST_PAUSE_S, plan.duration_s / LOOKS)
        self._left = LOOKS

    def look(self) -> str:
        """The budgets that are broken, with their figures; "" while none is."""
        path = self._plan.file(TICKS)
        seconds = max(((t.tick + 1) * TICK_S for t, _ in read_ticks(path)), default=0.0) if path.exists() else 0.0
        until_s = min(seconds - _OPEN_S, self._plan.duration_s)
        if until_s - self._plan.warmup_s < _LEAST_S or not self._left:
            return ""
        self._left -= 1
        return "; ".join(told for b in self._budgets if (told := self._broken(b, until_s)))

    def _broken(self, budget: Budget, until_s: float) -> str:
        said, _ = judge(budget, figures(self._plan, self._plan.warmup_s, until_s, budget.endpoint), self._alpha)
        return f"{budget.name} is broken: {said.message}" if said.outcome is Outcome.FAIL else ""
