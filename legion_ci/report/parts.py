"""The parts that pages are made of: tables, facts, pictures, notes; all names that people chose are isolated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from legion_ci.report import marks, wording
from legion_ci.report.markup import Child, Node, html


@dataclass(frozen=True)
class Column:
    """One column: its head, and whether it holds figures (``num``), names that may break (``name``) or prose."""

    head: str
    kind: str = ""


def name(text: str, length: int = 120) -> Node:
    """A name that somebody else chose: cut, and kept from turning the text around it."""
    return html("bdi", {}, wording.clip(text, length))


def code(text: str) -> Node:
    """A digest, id or command."""
    return html("code", {}, text)


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Child]], kind: str = "") -> Node:
    """A table whose first column names the row; it scrolls by itself where it is too wide."""
    heads = [html("th", {"scope": "col", "class": c.kind or None}, c.head) for c in columns]
    body = [html("tr", {}, _cells(columns, row)) for row in rows]
    content = html(
        "table", {"class": kind or None}, html("caption", {}, caption), html("thead", {}, html("tr", {}, heads)),
        html("tbody", {}, body),
    )  # fmt: skip
    return html("div", {"class": "scroll", "role": "region", "aria-label": caption, "tabindex": 0}, content)


def _cells(columns: Sequence[Column], row: Sequence[Child]) -> Iterable[Node]:
    for i, (column, content) in enumerate(zip(columns, row, strict=True)):
        tag, scope = ("th", "row") if i == 0 else ("td", None)
        yield html(tag, {"scope": scope, "class": column.kind or None}, content)


def facts(pairs: Iterable[tuple[str, Child]], kind: str = "facts") -> Node:
    """Terms and what is known of them; those without anything are left out."""
    told = [
        html("div", {}, html("dt", {}, term), html("dd", {}, value)) for term, value in pairs if value not in (None, "")
    ]
    return html("dl", {"class": kind}, told)


def picture(file: str, alt: str, caption: Child = None) -> Node:
    """An SVG file with what it shows in words."""
    below = None if caption is None else html("figcaption", {}, caption)
    return html(
        "figure", {}, html("div", {"class": "scroll"}, html("img", {"src": file, "alt": wording.clip(alt, 500)})), below
    )


def section(title: str, *children: Child, kind: str = "") -> Node:
    """A part of a page under a heading."""
    return html("section", {"class": kind or None}, html("h2", {}, title), children)


def note(*children: Child, kind: str = "note") -> Node:
    """A remark that must be seen: ``note`` or ``warning``."""
    return html("p", {"class": kind, "role": "note"}, children)


def folded(summary: str, *children: Child) -> Node:
    """What only some readers want."""
    return html("details", {}, html("summary", {}, summary), children)


def banner(outcome: str, summary: str, more: Child = None, about: Child = None) -> Node:
    """The verdict at the top of a page."""
    return html(
        "div", {"class": f"banner {marks.kind(outcome)}"}, marks.badge(outcome, "large"),
        html("p", {"class": "lead"}, wording.clip(summary, 400)), html("p", {"class": "more"}, more) if more else None,
        html("p", {"class": "about"}, about) if about else None,
    )  # fmt: skip


def time(stamp: str) -> Node:
    """A moment, also for machines."""
    return html("time", {"datetime": stamp}, wording.moment(stamp))


def link(uri: str) -> Node:
    """A link where a browser can follow it, else the text; never with a password in it."""
    shown = wording.without_secrets(uri)
    if shown.startswith(("http://", "https://")):
        return html("a", {"href": shown, "rel": "noreferrer"}, wording.clip(shown, 160))
    return code(wording.clip(shown, 160))
