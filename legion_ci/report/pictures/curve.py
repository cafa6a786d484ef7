"""One or two figures along an axis, on a logarithmic or linear scale, with marks where something happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from legion_ci.report import wording
from legion_ci.report.pictures.canvas import Canvas
from legion_ci.report.pictures.scales import Scale, from_zero, logarithmic, spanning

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 920, 254, 66, 890, 26, 206


@dataclass(frozen=True)
class Line:
    """A figure: points (x, y) in rising x. kind: ``accent`` or ``champion``."""

    label: str
    points: Sequence[tuple[float, float]]
    kind: str = "accent"


@dataclass(frozen=True)
class Mark:
    """A vertical line at x with a word."""

    at: float
    label: str


@dataclass(frozen=True)
class Axes:
    """Names of both axes, and whether they are logarithmic."""

    x: str
    y: str
    log_x: bool = False
    log_y: bool = False


def draw(lines: Sequence[Line], axes: Axes, title: str, marks: Sequence[Mark] = ()) -> str:
    """The picture."""
    canvas = Canvas(_WIDTH, _HEIGHT, title)
    xs = [x for line in lines for x, _ in line.points] + [m.at for m in marks]
    ys = [y for line in lines for _, y in line.points]
    x = logarithmic(xs, _LEFT, _RIGHT) if axes.log_x else spanning(xs, _LEFT, _RIGHT)
    y = logarithmic(ys, _BOTTOM, _TOP) if axes.log_y else from_zero(ys, _BOTTOM, _TOP)
    _frame(canvas, x, y, axes)
    for i, mark in enumerate(marks):
        canvas.line(x(mark.at), _TOP, x(mark.at), _BOTTOM, "bound")
        right = x(mark.at) > (_LEFT + _RIGHT) / 2
        where = (x(mark.at) - 6, "small soft end") if right else (x(mark.at) + 6, "small soft")
        canvas.text(where[0], _TOP + 40 + 15 * (i % 3), mark.label, where[1])
    for line in lines:
        _line(canvas, line, x, y)
    return canvas.svg()


def _frame(canvas: Canvas, x: Scale, y: Scale, axes: Axes) -> None:
    for tick in y.ticks(5):
        canvas.line(_LEFT, y(tick), _RIGHT, y(tick), "grid")
        canvas.text(_LEFT - 8, y(tick) + 4, wording.tick(tick), "small soft end")
    for tick in x.ticks(8):
        canvas.text(x(tick), _BOTTOM + 18, wording.tick(tick), "small soft middle")
    canvas.line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "axis")
    canvas.text(_LEFT - 8, _TOP - 10, axes.y, "small soft end")
    canvas.text((_LEFT + _RIGHT) / 2, _BOTTOM + 40, axes.x, "small soft middle")


def _line(canvas: Canvas, line: Line, x: Scale, y: Scale) -> None:
    if not line.points:
        return
    canvas.path([(x(a), y(b)) for a, b in line.points], f"line of-{line.kind}")
    if len(line.points) <= 80:
        for a, b in line.points:
            canvas.dot(x(a), y(b), 3, f"dot {line.kind}")
    first = line.points[0]
    canvas.text(x(first[0]) + 2, y(first[1]) - 9, line.label, "small")
