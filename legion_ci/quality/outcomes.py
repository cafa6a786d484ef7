"""Results of checks that are not metrics: the common fields filled in, and three verdicts from an interval and a bound."""

from __future__ import annotations

from typing import Any

from legion_ci.quality.checks import Finding
from legion_ci.results import CheckResult, Outcome
from legion_ci.settings.schema import CheckSettings


def result(settings: CheckSettings, where: str, name: str, outcome: Outcome, **facts: Any) -> CheckResult:
    """A result of this check; ``name`` is what it is about, after the check's own name."""
    title = f"{settings.name or settings.use}: {name}" if name else settings.name or settings.use
    facts = {"metric": settings.use, "role": settings.role or "require", **facts}
    return CheckResult(name=title, outcome=outcome, where=where, kind=settings.use, **facts)


def bounded(
    settings: CheckSettings, where: str, name: str, *, effect: float, interval: tuple[float, float], bound: float,
    at_most: bool = True, **facts: Any,
) -> Finding:  # fmt: skip
    """PASS when the interval lies on the good side of the bound, FAIL on the other side, else INCONCLUSIVE."""
    low, high = interval
    good, bad = (high < bound, low > bound) if at_most else (low > bound, high < bound)
    outcome = Outcome.PASS if good else Outcome.FAIL if bad else Outcome.INCONCLUSIVE
    side = {Outcome.PASS: "within", Outcome.FAIL: "beyond", Outcome.INCONCLUSIVE: "across"}[outcome]
    told = f"the interval {low:.4g} … {high:.4g} lies {side} the limit {bound:g}"
    told = f"{facts.pop('message')}; {told}" if facts.get("message") else told
    found = result(
        settings, where, name, outcome,
        **{"candidate": effect, "effect": effect, "lower": low, "upper": high, "bound": bound, "at_most": at_most,
           "message": told, **facts},
    )  # fmt: skip
    reasons = {Outcome.INCONCLUSIVE: "interval_covers_bound", Outcome.FAIL: "bound_missed"}
    return Finding(found, reasons.get(outcome, ""))


def absolute(interval: tuple[float, float]) -> tuple[float, float]:
    """Bounds of |x| from those of x."""
    low, high = interval
    return (0.0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))
