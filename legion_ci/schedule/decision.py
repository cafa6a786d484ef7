"""Whether a retraining is due: pure, from what each condition says, the retrainings before, cool-down and budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from legion_ci.settings.schema import ScheduleSettings

Answer = Literal["yes", "no", "unknown", "off"]


@dataclass(frozen=True)
class Finding:
    """What one condition says. answer: yes asks for a retraining; unknown: the evidence does not say."""

    name: str  # time | drift | decay | rows
    answer: Answer
    message: str


@dataclass(frozen=True)
class Decision:
    """due: start one now. why: what asked for it, or what keeps it. kept_by: all that keeps one from starting."""

    due: bool
    why: str
    findings: tuple[Finding, ...] = ()
    kept_by: tuple[str, ...] = ()

    def text(self) -> str:
        """For people: a line a condition, then the decision."""
        lines = [f"{f.name:9}{f.answer:8} {f.message}" for f in self.findings]
        return "\n".join([*lines, f"{'due' if self.due else 'not due'}: {self.why}"])


def decide(
    settings: ScheduleSettings,
    findings: Sequence[Finding],
    starts: Sequence[float],
    obstacles: Sequence[str],
    now: float,
) -> Decision:
    """The decision. starts: of retrainings before, in seconds since 1970. obstacles: what else keeps one from starting."""
    asking = [f for f in findings if f.answer == "yes"]
    kept = (*obstacles, *_too_soon(settings, starts, now), *_too_many(settings, starts, now))
    if not asking:
        told = "; ".join(f.message for f in findings if f.answer == "unknown")
        return Decision(False, "no condition holds" + (f" ({told})" if told else ""), tuple(findings), kept)
    why = "; ".join(f.message for f in asking)
    if kept:
        return Decision(False, f"{'; '.join(kept)} (it is asked for: {why})", tuple(findings), kept)
    return Decision(True, why, tuple(findings))


def _too_soon(settings: ScheduleSettings, starts: Sequence[float], now: float) -> tuple[str, ...]:
    since = now - max(starts, default=float("-inf"))
    if since >= settings.cooldown:
        return ()
    return (f"the last retraining started {span(since)} ago, the cool-down is {span(settings.cooldown)}",)


def _too_many(settings: ScheduleSettings, starts: Sequence[float], now: float) -> tuple[str, ...]:
    budget = settings.budget
    spent = sum(now - s < budget.within for s in starts)
    if spent < budget.retrainings:
        return ()
    return (f"the budget is spent: {spent} retrainings in {span(budget.within)}",)


def span(seconds: float) -> str:
    """A time for people: 7 d, 3 h, 20 min, 5 s."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{max(seconds, 0.0):.0f} s"
