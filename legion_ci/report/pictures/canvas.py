"""A sheet to draw on: shapes by class, one style sheet for light, dark and print, text that says what is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from legion_ci.report.markup import SVG, Node, element, xml

_LIGHT = {
    "ink": "#1b2330", "soft": "#5b6675", "grid": "#e3e7ed", "axis": "#aab3bf", "paper": "#ffffff",
    "pass": "#00785a", "fail": "#c0381b", "inconclusive": "#96650a", "neutral": "#6b7684", "accent": "#0a62b0",
    "good": "#e4f3ee", "champion": "#8b96a5", "band": "#cfe2f4",
}  # fmt: skip
_DARK = {
    "ink": "#e8ecf2", "soft": "#9ba7b6", "grid": "#2a323d", "axis": "#566272", "paper": "#161c24",
    "pass": "#3cc79d", "fail": "#ff7d5e", "inconclusive": "#e8b24a", "neutral": "#94a0b0", "accent": "#5aa9f2",
    "good": "#16302b", "champion": "#76828f", "band": "#1e3a56",
}  # fmt: skip
_FONT = '"Inter", system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
_RULES = (
    f"text{{font:13px {_FONT};fill:var(--ink);font-variant-numeric:tabular-nums}}"
    ".small{font-size:11.5px}.soft{fill:var(--soft)}.strong{font-weight:600}.end{text-anchor:end}"
    ".middle{text-anchor:middle}.grid{stroke:var(--grid);stroke-width:1}.axis{stroke:var(--axis);stroke-width:1}"
    ".bound{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:4 3}.zero{stroke:var(--axis);stroke-width:1}"
    ".good{fill:var(--good)}.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
    ".thin{stroke-width:1.5}.band{fill:var(--band)}.of-accent{stroke:var(--accent)}.of-champion{stroke:var(--champion)}"
    ".of-fail{stroke:var(--fail)}.fill-accent{fill:var(--accent)}.fill-champion{fill:var(--champion)}"
    ".fill-fail{fill:var(--fail)}.faint{opacity:.35}.dotted{stroke-dasharray:1.5 4}"
    ".shade{fill:var(--grid);opacity:.6}"
)
_KINDS = "".join(
    f".{name}{{color:var(--{colour})}}"
    for name, colour in {
        "pass": "pass", "fail": "fail", "inconclusive": "inconclusive", "quiet": "neutral", "unassessed": "neutral",
        "accent": "accent", "champion": "champion",
    }.items()
)  # fmt: skip
_MARKS = (
    ".range{stroke:currentColor;stroke-width:2.5;stroke-linecap:round}.dot{fill:currentColor;stroke:var(--paper);stroke-width:1.5}"
    ".mark .body{fill:currentColor}.mark .sign{fill:none;stroke:var(--paper);stroke-width:2;stroke-linecap:round;"
    "stroke-linejoin:round}.mark .ring{fill:var(--paper);stroke:currentColor;stroke-width:1.6}.mark .dashed{stroke-dasharray:2.4 2}"
    ".mark .line{stroke:currentColor;stroke-width:1.8}"
)


def _variables(colours: dict[str, str]) -> str:
    return "svg{" + "".join(f"--{k}:{v};" for k, v in colours.items()) + "}"


STYLE = (
    _variables(_LIGHT) + _RULES + _KINDS + _MARKS
    + "@media screen and (prefers-color-scheme:dark){" + _variables(_DARK) + "}"
)  # fmt: skip


def place(value: float) -> str:
    """A coordinate with one decimal at most."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


class Canvas:
    """Collects shapes; all sizes in pixels, the origin top left."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self._nodes: list[Node] = []

    def add(self, *nodes: Node) -> None:
        """Put ready shapes on top."""
        self._nodes.extend(nodes)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """A straight line."""
        ends = {"x1": place(x1), "y1": place(y1), "x2": place(x2), "y2": place(y2)}
        self.add(element("line", {"class": kind, **ends}))

    def box(self, x1: float, y1: float, x2: float, y2: float, kind: str, corner: float = 0) -> None:
        """A filled rectangle between two corners, whichever they are."""
        size = {"width": place(abs(x2 - x1)), "height": place(abs(y2 - y1)), "rx": place(corner) if corner else None}
        self.add(element("rect", {"class": kind, "x": place(min(x1, x2)), "y": place(min(y1, y2)), **size}))

    def dot(self, x: float, y: float, radius: float, kind: str) -> None:
        """A filled circle."""
        self.add(element("circle", {"class": kind, "cx": place(x), "cy": place(y), "r": place(radius)}))

    def text(self, x: float, y: float, words: str, kind: str = "") -> None:
        """A line of text; y is the baseline."""
        self.add(element("text", {"class": kind or None, "x": place(x), "y": place(y)}, words))

    def path(self, points: Iterable[tuple[float, float]], kind: str, *, closed: bool = False) -> None:
        """A line through points, or the area that they enclose."""
        drawn = " ".join(f"{place(x)},{place(y)}" for x, y in points)
        if drawn:
            self.add(element("polygon" if closed else "polyline", {"class": kind, "points": drawn}))

    def band(self, lower: Sequence[tuple[float, float]], upper: Sequence[tuple[float, float]], kind: str) -> None:
        """The area between two lines."""
        self.path([*lower, *reversed(upper)], kind, closed=True)

    def svg(self) -> str:
        """The file's content."""
        size = {"width": place(self.width), "height": place(self.height)}
        view = f"0 0 {place(self.width)} {place(self.height)}"
        root = element(
            "svg", {"xmlns": SVG, **size, "viewBox": view, "role": "img"},
            element("title", {}, self.title), element("style", {}, STYLE), self._nodes,
        )  # fmt: skip
        return xml(root)
