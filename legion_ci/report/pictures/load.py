"""The load test over time: what was asked and answered each second, what failed, and how long it took."""

from __future__ import annotations

import math
from collections.abc import Sequence

from legion_ci.report import wording
from legion_ci.report.pictures.canvas import Canvas
from legion_ci.report.pictures.scales import Scale, from_zero, logarithmic
from legion_ci.results import LoadPoint, PerfResult

_WIDTH, _LEFT, _RIGHT = 920, 66, 890
_MOST = 240  # bars; longer tests are drawn in coarser steps


def draw(result: PerfResult, title: str) -> str:
    """Three panels on one time axis: requests a second, errors a second, p50 and p99."""
    points, step_s = coarse(result.series)
    canvas = Canvas(_WIDTH, 452, title)
    end_s = max([p.second + step_s for p in points] + [1])
    x = Scale(0.0, float(end_s), _LEFT, _RIGHT)
    if result.warmup_s > 0:
        canvas.box(x(0), 26, x(min(result.warmup_s, end_s)), 410, "shade")
        canvas.text(x(0) + 5, 290, "warm-up", "small soft")
    _requests(canvas, points, result, x, step_s)
    _errors(canvas, points, x, step_s)
    _latency(canvas, points, x, step_s)
    for tick in x.ticks(8):
        canvas.text(x(tick), 428, wording.tick(tick), "small soft middle")
    canvas.text((_LEFT + _RIGHT) / 2, 446, "seconds", "small soft middle")
    return canvas.svg()


def coarse(series: Sequence[LoadPoint]) -> tuple[list[LoadPoint], int]:
    """At most ``_MOST`` points and their width in seconds: requests and errors add up, of times the worst is kept."""
    if not series:
        return [], 1
    step = max(1, math.ceil((series[-1].second + 1) / _MOST))
    groups: dict[int, list[LoadPoint]] = {}
    for point in series:
        groups.setdefault(point.second // step, []).append(point)
    return [_joined(g * step, part) for g, part in sorted(groups.items())], step


def _joined(second: int, part: Sequence[LoadPoint]) -> LoadPoint:
    slow = [p.p99_ms for p in part if p.p99_ms is not None]
    usual = sorted(p.p50_ms for p in part if p.p50_ms is not None)
    return LoadPoint(
        second=second, requests=sum(p.requests for p in part), errors=sum(p.errors for p in part),
        p50_ms=usual[len(usual) // 2] if usual else None, p99_ms=max(slow) if slow else None,
    )  # fmt: skip


def _requests(canvas: Canvas, points: Sequence[LoadPoint], result: PerfResult, x: Scale, step_s: int) -> None:
    y = from_zero([p.requests / step_s for p in points] + [result.planned_rate], 150, 34, least=1)
    planned = f"; dashed: {wording.number(result.planned_rate)} planned" if result.planned_rate else ""
    _panel(canvas, y, 3, f"requests a second{planned}")
    for p in points:
        if p.requests:
            canvas.box(*_bar(x, p, step_s), y(p.requests / step_s), "fill-champion faint")
            canvas.line(
                x(p.second), y(p.requests / step_s), x(p.second + step_s), y(p.requests / step_s), "of-champion line"
            )
    if result.planned_rate:
        canvas.line(_LEFT, y(result.planned_rate), _RIGHT, y(result.planned_rate), "bound")


def _errors(canvas: Canvas, points: Sequence[LoadPoint], x: Scale, step_s: int) -> None:
    y = from_zero([p.errors / step_s for p in points], 236, 186, least=1)
    _panel(canvas, y, 2, "errors a second")
    if not any(p.errors for p in points):
        canvas.text(_RIGHT, 226, "none", "small soft end")
    for p in points:
        if p.errors:
            canvas.box(*_bar(x, p, step_s, 236), y(p.errors / step_s), "fill-fail")


def _bar(x: Scale, point: LoadPoint, step_s: int, base: float = 150) -> tuple[float, float, float]:
    gap = 0.5 if x(step_s) - x(0) > 4 else 0.0
    return x(point.second) + gap, base, x(point.second + step_s) - gap


def _latency(canvas: Canvas, points: Sequence[LoadPoint], x: Scale, step_s: int) -> None:
    y = logarithmic([v for p in points for v in (p.p50_ms, p.p99_ms)], 410, 276)
    _panel(canvas, y, 5, "latency, ms")
    for name, kind, values in (
        ("p50", "line of-champion", [(p.second, p.p50_ms) for p in points]),
        ("p99", "line of-accent", [(p.second, p.p99_ms) for p in points]),
    ):
        line = [(x(s + step_s / 2), y(v)) for s, v in values if v is not None and v > 0]
        canvas.path(line, kind)
        if line:
            canvas.text(min(line[-1][0] + 6, _WIDTH - 24), line[-1][1] + 4, name, "small strong")


def _panel(canvas: Canvas, y: Scale, most: int, name: str) -> None:
    for tick in y.ticks(most):
        canvas.line(_LEFT, y(tick), _RIGHT, y(tick), "grid")
        canvas.text(_LEFT - 8, y(tick) + 4, wording.tick(tick), "small soft end")
    canvas.text(8, y.end - 14, name, "small strong")
    canvas.line(_LEFT, y.start, _RIGHT, y.start, "axis")
