"""Finds how much load a deployment bears: the highest rate that keeps the budgets, and the knee before it.

The rate rises by a factor until the budgets break (or the generator does), then the gap is halved a few times. The knee
is the rate with the greatest power, throughput over response time (Kleinrock 1979): beyond it more load buys waiting.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from legion_ci.results import SweepPoint, SweepResult, Verdict

Measure = Callable[[float], SweepPoint]  # loads at a rate, 1/s


def sweep(measure: Measure, *, start: float, most: float, factor: float = 2.0, halvings: int = 3) -> SweepResult:
    """Measure rates from ``start`` (1/s) on, at most up to ``most``; ``halvings`` more between the last two."""
    points = _rise(measure, start, most, factor)
    points += _narrow(measure, points, halvings)
    points.sort(key=lambda p: p.rate)
    best = max((p.rate for p in points if p.kept), default=None)
    limited = next((p for p in points if p.saturated), None)
    return SweepResult(
        verdict=Verdict.PASS if best is not None else Verdict.INCONCLUSIVE if limited else Verdict.FAIL,
        reason="" if best is not None else "invalid.generator_saturated" if limited else "over_budget",
        summary=_summary(points, best, limited),
        points=tuple(points),
        highest_rate=best,
        knee_rate=knee(points),
        limited_by=f"the load generator: {limited.saturated}"
        if limited
        else "the deployment"
        if _broke(points)
        else "",
    )


def knee(points: Sequence[SweepPoint]) -> float | None:
    """The rate with the greatest throughput over response time, of the points that can be trusted."""
    fit = [p for p in points if not p.saturated and p.p50_ms]
    return max(fit, key=lambda p: p.throughput / (p.p50_ms or math.inf)).rate if fit else None


def _rise(measure: Measure, start: float, most: float, factor: float) -> list[SweepPoint]:
    points = [measure(start)]
    while points[-1].kept and points[-1].rate < most:
        points.append(measure(min(most, points[-1].rate * factor)))
    return points


def _narrow(measure: Measure, points: Sequence[SweepPoint], halvings: int) -> list[SweepPoint]:
    """Points between the last rate that was kept and the first that was not."""
    found: list[SweepPoint] = []
    if len(points) < 2 or points[-1].kept:
        return found
    low, high = points[-2].rate, points[-1].rate
    for _ in range(halvings):
        found.append(measure(math.sqrt(low * high)))
        low, high = (found[-1].rate, high) if found[-1].kept else (low, found[-1].rate)
    return found


def _broke(points: Sequence[SweepPoint]) -> bool:
    return any(not p.kept for p in points)


def _summary(points: Sequence[SweepPoint], best: float | None, limited: SweepPoint | None) -> str:
    if best is None and limited:
        return f"the load generator could not keep {limited.rate:g}/s: {limited.saturated}"
    if best is None:
        return f"the budgets break at {points[0].rate:g}/s already: {points[0].broken}"
    above = next((p for p in points if p.rate > best), None)
    if above is None:
        return f"keeps its budgets at {best:.4g}/s, the highest rate that was asked"
    why = "the load generator ends" if above.saturated else above.broken
    return f"keeps its budgets up to {best:.4g}/s; at {above.rate:.4g}/s {why}"
