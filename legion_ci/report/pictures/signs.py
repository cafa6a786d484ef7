"""The small pictures: a file for each verdict's sign, and the badge for read-mes and build pages."""

from __future__ import annotations

from legion_ci.report import marks, wording
from legion_ci.report.markup import SVG, Node, element, xml
from legion_ci.report.pictures.canvas import Canvas

_COLOURS = {
    "pass": "#00785a",
    "fail": "#b5331a",
    "inconclusive": "#8a5a00",
    "unassessed": "#5b6675",
    "quiet": "#5b6675",
}


def files() -> dict[str, str]:
    """File name and content of each sign."""
    return {file: _sign(name) for name, file in marks.FILES.items()}


def _sign(name: str) -> str:
    word = next(w for w, k in marks.CLASSES.items() if k == name)
    canvas = Canvas(20, 20, word.lower())
    canvas.add(marks.sign(word, 10, 10))
    return canvas.svg()


def badge(subject: str, outcome: str, more: str = "") -> str:
    """``subject | VERDICT · more``, white on colour in any surroundings."""
    left = wording.clip(subject, 40)
    right = f"{outcome} · {more}" if more else outcome
    a, b = (round(wording.width(t) * 12 + 14) for t in (left, right))
    box = element("svg", {
        "xmlns": SVG, "width": a + b, "height": 20, "viewBox": f"0 0 {a + b} 20", "role": "img", "aria-label": f"{left}: {right}",
    })  # fmt: skip
    box.append(element("title", {}, f"{left}: {right}"))
    box.append(element("path", {"fill": "#30363f", "d": f"M3 0 H{a} V20 H3 A3 3 0 0 1 0 17 V3 A3 3 0 0 1 3 0 Z"}))
    shape = f"M{a} 0 H{a + b - 3} A3 3 0 0 1 {a + b} 3 V17 A3 3 0 0 1 {a + b - 3} 20 H{a} Z"
    box.append(element("path", {"fill": _COLOURS[marks.kind(outcome)], "d": shape}))
    for text, middle, width in ((left, a / 2, a), (right, a + b / 2, b)):
        box.append(_label(text, middle, width - 12))
    return xml(box)


def _label(text: str, middle: float, width: float) -> Node:
    return element("text", {
        "x": f"{middle:g}", "y": 14, "text-anchor": "middle", "fill": "#ffffff", "font-size": 11, "textLength": f"{width:g}",
        "lengthAdjust": "spacingAndGlyphs", "font-family": "Verdana, DejaVu Sans, sans-serif",
    }, text)  # fmt: skip
