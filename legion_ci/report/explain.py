"""Checks, budgets and claims in words: figures with their intervals, said the same way on every page and in every file."""

from __future__ import annotations

from msgspec.structs import replace

from legion_ci.report import wording
from legion_ci.results import BudgetResult, CheckResult, Claim, Outcome, PerfResult


def measured(check: CheckResult) -> tuple[str, str]:
    """(effect, interval) of a check; a difference with its sign."""
    signed = bool(check.versus)
    places = wording.decimals_of(check.lower, check.upper)
    return wording.number(check.effect, places, signed=signed), wording.interval(
        check.lower, check.upper, signed=signed
    )


def bound(check: CheckResult) -> str:
    """What was asked: ``≥ 0.62``, or the least gain, ``≥ −0.005``."""
    if check.bound is None:
        return wording.NONE
    return f"{'≤' if check.at_most else '≥'} {wording.number(check.bound, signed=bool(check.versus))}"


def check(check: CheckResult) -> str:
    """One line: ``+0.0031 [+0.0024, +0.0037], asked ≥ −0.005: the interval lies beyond …``."""
    effect, interval = measured(check)
    figures = f"{effect} {interval}, asked {bound(check)}" if check.effect is not None else ""
    return ": ".join(t for t in (figures, wording.clip(check.message, 300)) if t)


def smallest_loss(check: CheckResult) -> str:
    """What an alarm could have seen, empty when it is not known."""
    if check.smallest_visible_loss is None:
        return ""
    return f"a loss of {wording.number(check.smallest_visible_loss)} would have been seen (80 % power)"


def budget(budget: BudgetResult) -> str:
    """One line: ``13.4 ms [12.0, 15.1] ms: 0.1 % of 6000 requests took …``."""
    figures = ""
    if budget.value is not None or budget.lower is not None or budget.upper is not None:
        figures = " ".join(wording.measured(budget.value, budget.lower, budget.upper, budget.unit))
    return ": ".join(t for t in (figures, wording.clip(budget.message, 300)) if t)


def claim(claim: Claim) -> str:
    """One line: ``+0.004 [−0.003, +0.012], asked ≥ −0.01``."""
    if claim.effect is None:
        return wording.clip(claim.message, 300)
    asked = "" if claim.bound is None else f", asked ≥ {wording.number(claim.bound, signed=True)}"
    places = wording.decimals_of(claim.lower, claim.upper)
    effect = wording.number(claim.effect, places, signed=True)
    figures = f"{effect} {wording.interval(claim.lower, claim.upper, signed=True)}{asked}"
    return ": ".join(t for t in (figures, wording.clip(claim.message, 300)) if t)


def invalid(result: PerfResult) -> str:
    """Why the load judges nobody, empty when it does: then its budgets are shown, and not assessed."""
    return result.summary if result.reason.startswith("invalid") else ""


def budgets(result: PerfResult) -> tuple[BudgetResult, ...]:
    """The budgets with what they may say: nothing, where the load was not as planned."""
    if not invalid(result):
        return result.budgets
    return tuple(replace(b, outcome=Outcome.NOT_ASSESSED) for b in result.budgets)


ORDER = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS, Outcome.NO_ALARM, Outcome.NOT_ASSESSED)


def room(check: CheckResult) -> float:
    """How far the worse end of the interval is on the good side of the bound: the smaller, the worse."""
    if check.bound is None or (end := check.upper if check.at_most else check.lower) is None:
        return float("inf")
    return check.bound - end if check.at_most else end - check.bound


def worst_first(checks: tuple[CheckResult, ...]) -> list[CheckResult]:
    """By outcome, then by how little room is left."""
    return sorted(checks, key=lambda c: (ORDER.index(c.outcome), room(c), c.name, c.slice))
