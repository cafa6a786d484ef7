"""The latency curve: percentiles on an axis that gives the tail its room, with the budgets that it must stay below."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from legion_ci.report import explain, marks, wording
from legion_ci.report.pictures.canvas import Canvas
from legion_ci.report.pictures.scales import Scale, logarithmic
from legion_ci.results import BudgetResult, PerfResult

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 920, 360, 66, 890, 24, 310


def draw(result: PerfResult, title: str) -> str:
    """The curve through the percentiles that were recorded, and each latency budget with its interval."""
    points = curve(result)
    budgets = [b for b in explain.budgets(result) if b.unit == "ms" and quantile(b.metric) is not None]
    canvas = Canvas(_WIDTH, _HEIGHT, title)
    seen = [v for b in budgets for v in (b.value, b.lower, b.upper, b.bound)]
    y = logarithmic([ms for _, ms in points] + seen, _BOTTOM, _TOP)
    x = Scale(0.0, max([_tail(q) for q, _ in points] + [_tail(0.999)]), _LEFT + 10, _RIGHT - 20)
    _frame(canvas, x, y, [q for q, _ in points])
    canvas.path([(x(_tail(q)), y(ms)) for q, ms in points], "line of-accent")
    for q, ms in points:
        canvas.dot(x(_tail(q)), y(ms), 3.5, "dot accent")
    for budget in budgets:
        _budget(canvas, budget, x, y)
    return canvas.svg()


def quantile(name: str) -> float | None:
    """0..1 of ``p99.9``; None for what is no percentile."""
    match = re.fullmatch(r"p(\d{1,2}(?:\.\d+)?)", name)
    return float(match[1]) / 100 if match else None


def curve(result: PerfResult) -> list[tuple[float, float]]:
    """(quantile, milliseconds) rising; the maximum stands where one request in all is slower."""
    found = [(q, ms) for name, ms in result.percentiles_ms.items() if (q := quantile(name)) is not None and ms > 0]
    top = result.percentiles_ms.get("max")
    last = 1 - 1 / max(2, result.requests)
    if top and top > 0 and all(q < last for q, _ in found):
        found.append((last, top))
    return sorted((q, ms) for q, ms in found if math.isfinite(ms))


def _tail(q: float) -> float:
    """Decades of one in how many: p90 is 1, p99 is 2."""
    return -math.log10(1 - min(q, 1 - 1e-9))


def _frame(canvas: Canvas, x: Scale, y: Scale, recorded: Sequence[float]) -> None:
    for ms in y.ticks(8):
        canvas.line(_LEFT, y(ms), _RIGHT, y(ms), "grid")
        canvas.text(_LEFT - 8, y(ms) + 4, wording.tick(ms), "small soft end")
    for q in (0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999):
        if _tail(q) <= x.high:
            canvas.line(x(_tail(q)), _TOP, x(_tail(q)), _BOTTOM, "grid")
            canvas.text(x(_tail(q)), _BOTTOM + 18, f"p{q * 100:.10g}", "small soft middle")
    if recorded and all(abs(_tail(recorded[-1]) - _tail(q)) > 0.12 for q in (0.99, 0.999, 0.9999, 0.99999)):
        canvas.text(x(_tail(recorded[-1])), _BOTTOM + 18, "max", "small soft middle")
    canvas.line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "axis")
    canvas.text(_LEFT - 8, _TOP - 10, "ms", "small soft end")
    canvas.text((_LEFT + _RIGHT) / 2, _BOTTOM + 40, "percentile of requests", "small soft middle")


def _budget(canvas: Canvas, budget: BudgetResult, x: Scale, y: Scale) -> None:
    at = x(_tail(quantile(budget.metric) or 0.0))
    kind = marks.kind(budget.outcome)
    if budget.lower is not None and budget.upper is not None and budget.lower > 0:
        canvas.line(at, y(budget.lower), at, y(budget.upper), f"range {kind}")
        for end in (budget.lower, budget.upper):
            canvas.line(at - 4, y(end), at + 4, y(end), f"range {kind}")
    if budget.value:
        canvas.dot(at, y(budget.value), 5, f"dot {kind}")
    if budget.bound:
        canvas.line(at - 46, y(budget.bound), at + 46, y(budget.bound), "bound")
        canvas.add(marks.sign(budget.outcome, at - 60, y(budget.bound)))
        canvas.text(at - 74, y(budget.bound) + 4.5, budget.name, "strong end")
