"""Holds a measured run to its budgets: PASS, FAIL, or INCONCLUSIVE and how long a run would decide.

A failed request counts as slower than any budget for latency percentiles: a fast refusal is not a fast answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from legion_ci.perf import bounds
from legion_ci.perf.batches import Measured
from legion_ci.perf.bounds import Floats
from legion_ci.perf.budgets import Budget
from legion_ci.results import BudgetResult, Outcome

Flags = NDArray[np.bool_]
_LONGEST_S = 24 * 3600.0  # no longer run is suggested


def judge(budget: Budget, measured: Measured, alpha: float) -> tuple[BudgetResult, float | None]:
    """The budget's result, and when it is INCONCLUSIVE the seconds of measuring that would probably decide, or None."""
    kept = measured.totals > 0
    if kept.sum() < 2:
        return _result(budget, Outcome.INCONCLUSIVE, alpha, message="hardly a request was measured"), None
    kind = {"time": _quantile if budget.quantile else _mean, "share": _errors, "rate": _throughput}[budget.kind]
    return kind(budget, measured, kept, alpha)


def _quantile(budget: Budget, measured: Measured, kept: Flags, alpha: float) -> tuple[BudgetResult, float | None]:
    """Inverts the bound on the share of requests that took v or longer, over all v that were seen and the budget."""
    assert budget.quantile is not None
    allowed = 1 - budget.quantile
    limit_us = budget.bound * 1000
    grid = np.unique(np.append(measured.cells_us, [limit_us, *(measured.cells_us[-1:] + 1)]))
    events = _at_least(measured, grid)
    low, high = bounds.share_bounds(events[:, kept], measured.totals[kept], alpha)
    share = events.sum(axis=1) / measured.totals.sum()
    passing, failing = high < allowed, low > allowed
    upper = _first_of_tail(grid, passing)
    lower = _last_of_head(grid, failing)
    value = _value(measured, grid, share > allowed)
    at = int(np.searchsorted(grid, limit_us))
    outcome = _outcome(upper is not None and upper <= limit_us, lower is not None and lower >= limit_us)
    seconds = _seconds(outcome, measured, share[at], low[at], high[at], allowed)
    slow = f"{share[at]:.3%} of {measured.requests} requests took {budget.bound:g} ms or longer, or failed"
    message = f"{slow} (allowed {allowed:.2%})"
    return _result(budget, outcome, alpha, _in_ms(value), _in_ms(lower), _in_ms(upper), message), seconds


def _value(measured: Measured, grid: Floats, exceeded: Flags) -> float | None:
    """The quantile itself; None when so many requests failed that it is no time at all."""
    if exceeded.all():
        return None
    return float(measured.cells_us[int(np.searchsorted(measured.cells_us, grid[exceeded][-1]))])


def _at_least(measured: Measured, grid: Floats) -> Floats:
    """(m, k): requests of each batch that took at least ``grid`` or failed."""
    behind = np.concatenate(
        [measured.answered[:, ::-1].cumsum(axis=1)[:, ::-1], np.zeros((len(measured.failed), 1))], axis=1
    )
    events: Floats = behind[:, np.searchsorted(measured.cells_us, grid)].T + measured.failed[None, :]
    return events


def _first_of_tail(grid: Floats, holds: Flags) -> float | None:
    broken = np.flatnonzero(~holds)
    start = int(broken[-1]) + 1 if len(broken) else 0
    return float(grid[start]) if start < len(grid) else None


def _last_of_head(grid: Floats, holds: Flags) -> float | None:
    broken = np.flatnonzero(~holds)
    end = (int(broken[0]) if len(broken) else len(grid)) - 1
    return float(grid[end]) if end >= 0 else None


def _mean(budget: Budget, measured: Measured, kept: Flags, alpha: float) -> tuple[BudgetResult, float | None]:
    answered = measured.answered.sum(axis=1)
    kept = answered > 0
    if kept.sum() < 2:
        return _result(budget, Outcome.FAIL, alpha, message="hardly a request was answered"), None
    sums = (measured.answered * measured.cells_us[None, :]).sum(axis=1) / 1000
    mean, low, high = bounds.ratio_bounds(sums[kept], answered[kept], alpha)
    outcome = _outcome(high < budget.bound, low > budget.bound)
    failed = f", {measured.errors} failed ones not counted" if measured.errors else ""
    message = f"mean of {int(answered.sum())} answers{failed}"
    return _result(budget, outcome, alpha, mean, low, high, message), _seconds(
        outcome, measured, mean, low, high, budget.bound
    )


def _errors(budget: Budget, measured: Measured, kept: Flags, alpha: float) -> tuple[BudgetResult, float | None]:
    low, high = bounds.share_bounds(measured.failed[None, kept], measured.totals[kept], alpha)
    share = measured.errors / measured.requests
    outcome = _outcome(high[0] < budget.bound, low[0] > budget.bound)
    message = f"{measured.errors} of {measured.requests} requests failed"
    result = _result(budget, outcome, alpha, share, float(low[0]), float(high[0]), message)
    return result, _seconds(outcome, measured, share, float(low[0]), float(high[0]), budget.bound)


def _throughput(budget: Budget, measured: Measured, kept: Flags, alpha: float) -> tuple[BudgetResult, float | None]:
    rate, low, high = bounds.ratio_bounds(measured.done, measured.width_s, alpha)
    outcome = _outcome(low > budget.bound, high < budget.bound)
    message = f"{int(measured.done.sum())} good answers in {measured.measured_s:g} s"
    return _result(budget, outcome, alpha, rate, low, high, message), _seconds(
        outcome, measured, rate, low, high, budget.bound
    )


def _outcome(passes: bool, fails: bool) -> Outcome:
    return Outcome.PASS if passes else Outcome.FAIL if fails else Outcome.INCONCLUSIVE


def _seconds(outcome: Outcome, measured: Measured, value: float, low: float, high: float, bound: float) -> float | None:
    """Seconds after which the interval, narrowing with the root of time, would leave the bound out."""
    distance = abs(bound - value)
    width = high - value if value < bound else value - low
    if outcome is not Outcome.INCONCLUSIVE or distance == 0:
        return None
    seconds = measured.measured_s * max(1.1, (width / distance) ** 2 * 1.1)
    return seconds if math.isfinite(seconds) and seconds <= _LONGEST_S else None


def _result(
    budget: Budget,
    outcome: Outcome,
    alpha: float,
    value: float | None = None,
    lower: float | None = None,
    upper: float | None = None,
    message: str = "",
) -> BudgetResult:
    return BudgetResult(
        name=budget.name,
        outcome=outcome,
        metric=budget.metric,
        value=value,
        lower=lower,
        upper=upper,
        bound=budget.bound,
        unit=budget.unit,
        alpha=alpha,
        message=message,
        where=budget.where,
    )


def _in_ms(cell_us: float | None) -> float | None:
    return None if cell_us is None else cell_us / 1000


def verdicts(outcomes: Sequence[Outcome]) -> Outcome:
    """Any FAIL: FAIL; else any INCONCLUSIVE, or nothing asked: INCONCLUSIVE; else PASS."""
    if Outcome.FAIL in outcomes:
        return Outcome.FAIL
    return Outcome.INCONCLUSIVE if not outcomes or Outcome.INCONCLUSIVE in outcomes else Outcome.PASS
