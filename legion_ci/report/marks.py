"""How verdicts and outcomes look: a word, a class and a sign whose shape tells them apart without colour."""

from __future__ import annotations

from legion_ci.report.markup import Node, element, html
from legion_ci.results import Outcome, Verdict

CLASSES = {
    "PASS": "pass",
    "FAIL": "fail",
    "INCONCLUSIVE": "inconclusive",
    "NO ALARM": "quiet",
    "NOT ASSESSED": "unassessed",
    "NOT RUN": "unassessed",
    "UNREADABLE": "fail",
    "NOT FINISHED": "unassessed",
}

_CROSS = "M-3.2 -3.2 L3.2 3.2 M3.2 -3.2 L-3.2 3.2"
_SIGNS: dict[str, tuple[tuple[str, str], ...]] = {
    "pass": (("body", "M-8 0 A8 8 0 1 1 8 0 A8 8 0 1 1 -8 0 Z"), ("sign", "M-3.8 0.2 L-1 3 L4 -2.8")),
    "fail": (("body", "M-3.4 -8 H3.4 L8 -3.4 V3.4 L3.4 8 H-3.4 L-8 3.4 V-3.4 Z"), ("sign", _CROSS)),
    "inconclusive": (("body", "M0 -8.8 L8.8 0 L0 8.8 L-8.8 0 Z"), ("sign", "M-3.6 0 H-3.4 M-0.1 0 H0.1 M3.4 0 H3.6")),
    "quiet": (("ring", "M-7 0 A7 7 0 1 1 7 0 A7 7 0 1 1 -7 0 Z"), ("line", "M-3.4 0.2 L-0.9 2.6 L3.6 -2.5")),
    "unassessed": (("ring dashed", "M-7 0 A7 7 0 1 1 7 0 A7 7 0 1 1 -7 0 Z"), ("line", "M-3 0 H3")),
}
FILES = {name: f"mark-{name}.svg" for name in _SIGNS}


def kind(outcome: str) -> str:
    """The class of a verdict or outcome; a word that is not known is not assessed."""
    return CLASSES.get(outcome, "unassessed")


def badge(outcome: Verdict | Outcome | str, size: str = "") -> Node:
    """The verdict as a sign and a word."""
    name = kind(outcome)
    sign = html("img", {"src": FILES[name], "alt": "", "width": 16, "height": 16})
    return html("span", {"class": f"verdict {name} {size}".strip()}, sign, str(outcome))


def sign(outcome: str, x: float, y: float, scale: float = 1.0) -> Node:
    """The sign inside a picture, at a place."""
    name = kind(outcome)
    paths = [element("path", {"class": part, "d": d}) for part, d in _SIGNS[name]]
    place = f"translate({x:.1f} {y:.1f})" + ("" if scale == 1 else f" scale({scale:g})")
    return element("g", {"class": f"mark {name}", "transform": place}, paths)
