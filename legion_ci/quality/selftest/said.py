"""From counts to what the self-test says: an error is a fault only where its lower 99 % bound exceeds alpha."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from legion_ci.quality.question import Question
from legion_ci.quality.selftest.trials import Tally
from legion_ci.results import Outcome, SelfTestCheck, Verdict

_VAGUE = 2.0  # times alpha: an upper bound beyond it says that the trials were too few


def judged(
    name: str, role: str, alpha: float, wrong: Tally, right: Tally | None, facts: Mapping[str, Any], *, metric: str, where: str
) -> SelfTestCheck:  # fmt: skip
    """One check (or all alarms) with its error and power."""
    low, high = wrong.bounds
    outcome = _outcome(low, high, alpha)
    power: dict[str, Any] = {}
    if right is not None:
        below, above = right.bounds
        power = {"power": right.rate, "power_lower": below, "power_upper": above, "power_runs": right.runs}
    return SelfTestCheck(
        name=name, outcome=outcome, role=role, metric=metric, alpha=alpha, runs=wrong.runs, error=wrong.rate,
        error_lower=low, error_upper=high, message=_message(outcome, wrong, right, alpha), where=where, **facts, **power,
    )  # fmt: skip


def _outcome(low: float, high: float, alpha: float) -> Outcome:
    if low > alpha:
        return Outcome.FAIL
    return Outcome.INCONCLUSIVE if high > _VAGUE * alpha else Outcome.PASS


def _message(outcome: Outcome, wrong: Tally, right: Tally | None, alpha: float) -> str:
    low, high = wrong.bounds
    told = f"wrong in {wrong.rate:.2%} of {wrong.runs:,} ({low:.2%} … {high:.2%}), α {alpha:.2%}"
    if right is not None:
        told += f"; decides in {right.rate:.0%} of {right.runs:,}"
    if outcome is Outcome.INCONCLUSIVE:
        return f"{told}; too few trials"
    return f"{told}; more often than α allows" if outcome is Outcome.FAIL else told


def not_tested(question: Question, why: str) -> SelfTestCheck:
    """A check without trials."""
    role = "alarm" if question.settings.is_alarm else "require"
    return SelfTestCheck(name=question.settings.title, outcome=Outcome.NOT_ASSESSED, role=role,
                         metric=question.metric.name, where=question.where, message=why)  # fmt: skip


def other(use: str, where: str) -> SelfTestCheck:
    """A check of a kind that claims nothing about a metric."""
    return SelfTestCheck(name=use, outcome=Outcome.NOT_ASSESSED, role="require", where=where,
                         message="only checks of metrics have an error to be tested")  # fmt: skip


def overall(checks: Sequence[SelfTestCheck], n: int) -> tuple[Verdict, str, str, str]:
    """Verdict, reason, line for people, and what would decide."""
    faulty = [c for c in checks if c.outcome is Outcome.FAIL]
    vague = [c for c in checks if c.outcome is Outcome.INCONCLUSIVE]
    tested = [c for c in checks if c.error is not None]
    lines = "; ".join(f"{c.name}: {c.message}" for c in (faulty or vague or tested))
    if faulty:
        return Verdict.FAIL, "error_above_alpha", f"FAIL: {lines}", ""
    if not tested:
        why = "; ".join(f"{c.name}: {c.message}" for c in checks) or "no checks are configured"
        return Verdict.INCONCLUSIVE, "nothing_to_test", f"INCONCLUSIVE: nothing to test ({why})", ""
    if vague:
        return Verdict.INCONCLUSIVE, "too_few_trials", f"INCONCLUSIVE: {lines}", "raise quality.selftest.time"
    return Verdict.PASS, "", f"PASS: {lines}; {n:,} rows", ""
