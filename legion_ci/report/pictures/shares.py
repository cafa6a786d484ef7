"""Two distributions side by side: for each bin the share then and the share now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from legion_ci.report import wording
from legion_ci.report.pictures.canvas import Canvas
from legion_ci.report.pictures.scales import from_zero

_WIDTH, _HEIGHT = 920, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 900, 40, 200
_NAMED = 14  # bins up to which every one is named


@dataclass(frozen=True)
class Bin:
    """Shares, 0..1, of one bin."""

    name: str
    before: float
    now: float


def draw(bins: Sequence[Bin], labels: tuple[str, str], title: str) -> str:
    """Bars in pairs, in the order given. labels: of before and now."""
    canvas = Canvas(_WIDTH, _HEIGHT, title)
    y = from_zero([v for b in bins for v in (b.before, b.now)], _BOTTOM, _TOP)
    for tick in y.ticks(4):
        canvas.line(_LEFT, y(tick), _RIGHT, y(tick), "grid")
        canvas.text(_LEFT - 8, y(tick) + 4, wording.share(tick), "small soft end")
    step = (_RIGHT - _LEFT) / max(1, len(bins))
    every = max(1, -(-len(bins) // _NAMED))
    for i, one in enumerate(bins):
        left, wide = _LEFT + i * step, step * 0.38
        canvas.box(left + step * 0.1, _BOTTOM, left + step * 0.1 + wide, y(one.before), "fill-champion")
        canvas.box(left + step * 0.52, _BOTTOM, left + step * 0.52 + wide, y(one.now), "fill-accent")
        if i % every == 0:
            told = wording.fit(one.name, max(5.0, step * every / 8.5))
            canvas.text(left + step / 2, _BOTTOM + 18, told, "small soft middle")
    canvas.line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "axis")
    _legend(canvas, labels)
    return canvas.svg()


def _legend(canvas: Canvas, labels: tuple[str, str]) -> None:
    x = float(_LEFT)
    for kind, label in zip(("fill-champion", "fill-accent"), labels, strict=True):
        canvas.box(x, 8, x + 11, 19, kind, 2)
        canvas.text(x + 17, 18, label, "small")
        x += 40 + 7.5 * len(label)
