"""Who got the traffic: the challenger's share look by look, and what each look did; the split as one bar."""

from __future__ import annotations

from collections.abc import Sequence

from legion_ci.report import marks
from legion_ci.report.looks import Look
from legion_ci.report.pictures.canvas import Canvas
from legion_ci.report.pictures.scales import Scale

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 920, 66, 870, 24, 220
_CHANGES = {"advance": "PASS", "promoted": "PASS", "rollback": "FAIL"}


def draw(looks: Sequence[Look], share_after: float, title: str) -> str:
    """Steps of the share; a sign where a look moved traffic; below, the step's name."""
    canvas = Canvas(_WIDTH, 268, title)
    x = Scale(0.0, float(max(1, len(looks))), _LEFT, _RIGHT)
    y = Scale(0.0, 1.0, _BOTTOM, _TOP)
    canvas.box(_LEFT, _TOP, _RIGHT + 26, _BOTTOM, "fill-champion faint")
    stairs = _stairs([*(k.share for k in looks), share_after], x, y)
    canvas.path([(x(0), _BOTTOM), *stairs, (stairs[-1][0], _BOTTOM)], "band", closed=True)
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        canvas.line(_LEFT, y(tick), _RIGHT + 26, y(tick), "grid")
        canvas.text(_LEFT - 8, y(tick) + 4, f"{tick * 100:g} %", "small soft end")
    canvas.path(stairs, "line of-accent")
    _steps(canvas, looks, x)
    for i, (look, after) in enumerate(zip(looks, [*(k.share for k in looks[1:]), share_after], strict=True)):
        if look.action in _CHANGES:
            _change(canvas, look.action, x(i + 1), y(after))
    canvas.line(_LEFT, _BOTTOM, _RIGHT + 26, _BOTTOM, "axis")
    _legend(canvas)
    return canvas.svg()


def _legend(canvas: Canvas) -> None:
    canvas.box(_LEFT, 5, _LEFT + 11, 16, "fill-accent", 2)
    canvas.text(_LEFT + 17, 15, "challenger", "small")
    canvas.box(_LEFT + 92, 5, _LEFT + 103, 16, "fill-champion faint", 2)
    canvas.text(_LEFT + 109, 15, "champion", "small")


def _stairs(shares: Sequence[float], x: Scale, y: Scale) -> list[tuple[float, float]]:
    """Share i holds from look i-1 to look i; the last one from the last look on."""
    points: list[tuple[float, float]] = []
    for i, share in enumerate(shares):
        points += [(x(i), y(share)), (x(i + 1) if i + 1 < len(shares) else x.end + 26, y(share))]
    return points


def _change(canvas: Canvas, action: str, x: float, y: float) -> None:
    canvas.add(marks.sign(_CHANGES[action], x, y))


def _steps(canvas: Canvas, looks: Sequence[Look], x: Scale) -> None:
    """The names of the steps where they begin, and the number of looks."""
    before, last_x = "", -100.0
    for i, look in enumerate(looks):
        if look.step != before:
            canvas.line(x(i), _BOTTOM, x(i), _BOTTOM + 6, "axis")
            if x(i) - last_x > 56:
                canvas.text(x(i) + 3, _BOTTOM + 19, _named(look.step), "small soft")
                last_x = x(i)
            before = look.step
    told = f"{len(looks)} look{'' if len(looks) == 1 else 's'}, in their order"
    canvas.text((_LEFT + _RIGHT) / 2, _BOTTOM + 40, told, "small soft middle")


def _named(step: str) -> str:
    return f"{step} %" if step.replace(".", "", 1).isdigit() else step


def split(share: float, title: str) -> str:
    """One bar: the challenger's part of all traffic, the champion's the rest."""
    canvas = Canvas(560, 20, title)
    canvas.box(0, 2, 560, 18, "fill-champion faint", 8)
    if share > 0:
        canvas.box(0, 2, max(8.0, 560 * min(1.0, share)), 18, "fill-accent", 8 if share >= 0.03 else 4)
    return canvas.svg()
