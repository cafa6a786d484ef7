"""A claim over the looks: its confidence sequence narrows, and the look that decided is marked."""

from __future__ import annotations

import math
from collections.abc import Sequence

from legion_ci.report import marks, wording
from legion_ci.report.looks import Look, LookClaim
from legion_ci.report.pictures.canvas import Canvas
from legion_ci.report.pictures.scales import Scale, spanning

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 920, 66, 870, 24, 214

Known = tuple[int, LookClaim, float, float]


def draw(looks: Sequence[Look], name: str, title: str) -> str:
    """Effect and bounds at each look against the claim's bound; signs where the outcome changed."""
    seen = [(i, c) for i, look in enumerate(looks) if (c := look.claims.get(name))]
    known = [(i, c, c.lower, c.upper) for i, c in seen if _finite(c.lower) and _finite(c.upper)]
    sure: list[Known] = [(i, c, lo, hi) for i, c, lo, hi in known if lo is not None and hi is not None]
    canvas = Canvas(_WIDTH, 262, title)
    bound = next((c.bound for _, c in reversed(seen) if _finite(c.bound)), None)
    x = Scale(0.0, float(max(1, len(looks) - 1)), _LEFT + 14, _RIGHT - 14)
    y = spanning(_shown(sure, bound), _BOTTOM, _TOP)
    _frame(canvas, y, bound)
    _band(canvas, sure, x, y)
    _bound(canvas, y, bound)
    _effects(canvas, sure, x, y)
    if not sure:
        canvas.text((_LEFT + _RIGHT) / 2, (_TOP + _BOTTOM) / 2, "too little evidence for bounds yet", "soft middle")
    canvas.text((_LEFT + _RIGHT) / 2, _BOTTOM + 40, "looks, in their order", "small soft middle")
    _steps(canvas, looks, x)
    return canvas.svg()


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _shown(sure: Sequence[Known], bound: float | None) -> list[float | None]:
    """What the scale must show: not the first, very wide bounds where narrow ones follow."""
    widths = sorted(hi - lo for _, _, lo, hi in sure)
    usual = widths[len(widths) // 2] if widths else 0.0
    kept = [(c.effect, lo, hi) for _, c, lo, hi in sure if hi - lo <= 4 * usual]
    return [v for row in kept for v in row] + [bound, 0.0]


def _frame(canvas: Canvas, y: Scale, bound: float | None) -> None:
    if bound is not None:
        canvas.box(_LEFT, y(bound), _RIGHT, _TOP, "good")
    for tick in y.ticks(5):
        canvas.line(_LEFT, y(tick), _RIGHT, y(tick), "grid")
        canvas.text(_LEFT - 8, y(tick) + 4, wording.number(tick, signed=True), "small soft end")
    canvas.line(_LEFT, y(0), _RIGHT, y(0), "axis")
    canvas.text(8, _TOP - 10, "gain of the challenger", "small strong")


def _bound(canvas: Canvas, y: Scale, bound: float | None) -> None:
    if bound is not None:
        canvas.line(_LEFT, y(bound), _RIGHT, y(bound), "bound")
        canvas.text(_RIGHT - 4, y(bound) + 15, f"bound {wording.number(bound, signed=True)}", "small soft end")


def _band(canvas: Canvas, sure: Sequence[Known], x: Scale, y: Scale) -> None:
    if not sure:
        return
    lower = [(x(i), y(lo)) for i, _, lo, _ in sure]
    upper = [(x(i), y(hi)) for i, _, _, hi in sure]
    if len(sure) > 1:
        canvas.band(lower, upper, "band")
        canvas.path(lower, "line of-accent thin faint")
        canvas.path(upper, "line of-accent thin faint")
    else:
        canvas.line(*lower[0], *upper[0], "range of-accent")


def _effects(canvas: Canvas, sure: Sequence[Known], x: Scale, y: Scale) -> None:
    """The line of effects, a sign where the outcome changed and at the end."""
    canvas.path([(x(i), y(c.effect)) for i, c, _, _ in sure if c.effect is not None], "line of-accent")
    before = ""
    for i, claim, _, _ in sure:
        if claim.outcome != before or i == sure[-1][0]:
            canvas.add(marks.sign(claim.outcome, x(i), y(claim.effect if claim.effect is not None else 0.0)))
            before = claim.outcome


def _steps(canvas: Canvas, looks: Sequence[Look], x: Scale) -> None:
    before, last_x = "", -100.0
    for i, look in enumerate(looks):
        if look.step != before and x(i) - last_x > 56:
            canvas.line(x(i), _TOP, x(i), _BOTTOM, "grid")
            named = f"{look.step} %" if look.step.replace(".", "", 1).isdigit() else look.step
            canvas.text(x(i) + 3, _BOTTOM + 17, named, "small soft")
            last_x = x(i)
        before = look.step
