"""Forest plots: each effect with the interval that it was decided on, against its bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from legion_ci.report import marks, wording
from legion_ci.report.pictures.canvas import Canvas
from legion_ci.report.pictures.scales import Scale, spanning

_WIDTH, _LEFT, _RIGHT = 920, 292, 700


@dataclass(frozen=True)
class Bar:
    """One row. at_most: what is below the bound is good; zero: nought (no difference) is shown. unit: of the text."""

    label: str
    outcome: str
    effect: float | None
    lower: float | None
    upper: float | None
    bound: float | None
    at_most: bool = False
    zero: bool = False
    unit: str = ""
    note: str = ""

    @property
    def values(self) -> tuple[float | None, ...]:
        """All that must be seen."""
        return (self.effect, self.lower, self.upper, self.bound, 0.0 if self.zero else None)


def against_bounds(bars: Sequence[Bar], title: str) -> str:
    """Each row on a scale of its own, the side of the bound that is good shaded."""
    height = 62
    canvas = Canvas(_WIDTH, 14 + height * max(1, len(bars)), title)
    for i, bar in enumerate(bars):
        _own_scale(canvas, bar, 14 + i * height)
        if i:
            canvas.line(0, 8 + i * height, _WIDTH, 8 + i * height, "grid")
    return canvas.svg()


def _own_scale(canvas: Canvas, bar: Bar, top: float) -> None:
    scale = spanning(bar.values, _LEFT, _RIGHT, room=0.12)
    middle = top + 17
    _shade(canvas, bar, scale, top, top + 34)
    canvas.line(_LEFT, top + 34, _RIGHT, top + 34, "axis")
    if bar.zero and (bar.bound is None or abs(scale(0) - scale(bar.bound)) > 2):
        canvas.line(scale(0), top, scale(0), top + 34, "zero")
        if bar.bound is None or abs(scale(0) - scale(bar.bound)) > 130:
            canvas.text(scale(0), top + 47, "no difference", "small soft middle")
    if bar.bound is not None:
        canvas.line(scale(bar.bound), top - 2, scale(bar.bound), top + 36, "bound")
        told = wording.quantity(bar.bound, bar.unit) if bar.unit else wording.number(bar.bound, signed=bar.zero)
        canvas.text(min(max(scale(bar.bound), _LEFT + 24), _RIGHT - 24), top + 47, f"bound {told}", "small soft middle")
    _interval(canvas, bar, scale, middle)
    _words(canvas, bar, middle)


def _words(canvas: Canvas, bar: Bar, middle: float) -> None:
    canvas.add(marks.sign(bar.outcome, 12, middle + 3))
    canvas.text(30, middle + (1 if bar.note else 7), wording.fit(bar.label, 19.5), "strong")
    if bar.note:
        canvas.text(30, middle + 17, wording.fit(bar.note, 22), "small soft")
    effect, told = _told(bar)
    canvas.text(_RIGHT + 20, middle + 1, effect, "strong")
    canvas.text(_RIGHT + 20, middle + 17, told, "small soft")


def _told(bar: Bar) -> tuple[str, str]:
    if bar.unit:
        return wording.measured(bar.effect, bar.lower, bar.upper, bar.unit)
    places = wording.decimals_of(bar.lower, bar.upper)
    return wording.number(bar.effect, places, signed=bar.zero), wording.interval(bar.lower, bar.upper, signed=bar.zero)


def _shade(canvas: Canvas, bar: Bar, scale: Scale, top: float, bottom: float) -> None:
    if bar.bound is not None:
        edge = scale.start if bar.at_most else scale.end
        canvas.box(scale(bar.bound), top, edge, bottom, "good")


def _interval(canvas: Canvas, bar: Bar, scale: Scale, y: float) -> None:
    """Line, ends and point; an end beyond the picture has no cap."""
    kind = marks.kind(bar.outcome)
    ends = [(bar.lower, scale.start), (bar.upper, scale.end)]
    if bar.lower is not None or bar.upper is not None:
        x1, x2 = (edge if v is None or not math.isfinite(v) else scale(v) for v, edge in ends)
        canvas.line(x1, y, x2, y, f"range {kind}")
        for v, _ in ends:
            if v is not None and scale.holds(v):
                canvas.line(scale(v), y - 4.5, scale(v), y + 4.5, f"range {kind}")
    if bar.effect is not None and math.isfinite(bar.effect):
        canvas.dot(scale(bar.effect), y, 5, f"dot {kind}")


def side_by_side(bars: Sequence[Bar], title: str, axis: str) -> str:
    """All rows on one scale, for slices: the bound and nought run through, the number of rows at the right."""
    row, top = 26, 34
    bottom = top + row * max(1, len(bars))
    canvas = Canvas(_WIDTH, bottom + 40, title)
    scale = spanning([v for b in bars for v in b.values], _LEFT, _RIGHT)
    bound = next((b.bound for b in bars if b.bound is not None), None)
    if bars:
        _shade(canvas, Bar("", "", None, None, None, bound, bars[0].at_most), scale, top, bottom)
    _axis(canvas, scale, top, bottom, axis)
    if bars and bars[0].zero:
        canvas.line(scale(0), top, scale(0), bottom, "axis")
    if bound is not None:
        canvas.line(scale(bound), top - 6, scale(bound), bottom, "bound")
        told = f"bound {wording.number(bound, signed=bars[0].zero)}"
        canvas.text(scale(bound), top - 12, told, "small soft middle")
    for i, bar in enumerate(bars):
        _slice(canvas, bar, scale, top + row * (i + 0.5))
    return canvas.svg()


def _slice(canvas: Canvas, bar: Bar, scale: Scale, y: float) -> None:
    canvas.add(marks.sign(bar.outcome, 12, y, 0.85))
    canvas.text(30, y + 4.5, wording.fit(bar.label, 20), "")
    _interval(canvas, bar, scale, y)
    canvas.text(_RIGHT + 100, y + 4.5, _told(bar)[0], "end")
    canvas.text(_WIDTH - 4, y + 4.5, bar.note, "small soft end")


def _axis(canvas: Canvas, scale: Scale, top: float, bottom: float, name: str) -> None:
    for tick in scale.ticks():
        canvas.line(scale(tick), top, scale(tick), bottom, "grid")
        canvas.text(scale(tick), bottom + 17, wording.tick(tick), "small soft middle")
    canvas.text((scale.start + scale.end) / 2, bottom + 34, name, "small soft middle")
