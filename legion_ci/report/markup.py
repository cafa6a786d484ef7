"""HTML, SVG and XML trees that escape everything, and refuse what Jenkins' Content-Security-Policy would block."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from typing import TypeAlias

Node: TypeAlias = ET.Element
Child: TypeAlias = "Node | str | Iterable[Child] | None"
Attributes: TypeAlias = Mapping[str, "str | int | float | None"]

SVG = "http://www.w3.org/2000/svg"
_UNPRINTABLE = re.compile(  # what XML cannot hold, and what turns the direction of the text around it
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069\x7f-\x9f]"
)
_FORBIDDEN_TAGS = {"script", "style", "iframe", "object", "embed", "form", "base"}
_LINK = re.compile(r"(?:https?://|#).*|(?:training/)?[\w-]+(?:\.[\w-]+)*(?:#[\w-]*)?", re.DOTALL)
_OWN_LINE = {
    "html", "head", "meta", "link", "title", "body", "header", "nav", "main", "footer", "section", "div", "p", "h1",
    "h2", "h3", "ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "figure", "figcaption",
    "details", "summary",
}  # fmt: skip


def clean(text: object) -> str:
    """Text without characters that XML cannot hold or that reorder what is read; they become U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", str(text))


def element(tag: str, attributes: Attributes | None = None, *children: Child) -> Node:
    """A tree of any XML. Attributes that are None are left out; children may be nested lists, None is nothing."""
    node = ET.Element(tag, {k: clean(v) for k, v in (attributes or {}).items() if v is not None})
    for child in children:
        _add(node, child)
    return node


def html(tag: str, attributes: Attributes | None = None, *children: Child) -> Node:
    """A tree of HTML; ValueError for anything that the policy would block (scripts, styles, handlers, odd links)."""
    attributes = attributes or {}
    bad = [k for k in attributes if k == "style" or k.startswith("on") or k == "http-equiv"]
    bad += [k for k in ("href", "src") if (v := attributes.get(k)) is not None and not _LINK.fullmatch(str(v))]
    if tag in _FORBIDDEN_TAGS or bad:
        raise ValueError(f"<{tag} {' '.join(bad)}> is blocked in Jenkins; put styles into legion.css, link to files")
    node = element(tag, attributes, *children)
    node.tail = "\n" if tag in _OWN_LINE else None
    return node


def document(root: Node) -> str:
    """A whole HTML page."""
    return "<!doctype html>\n" + ET.tostring(root, encoding="unicode", method="html").rstrip() + "\n"


def xml(root: Node, *, indented: bool = True) -> str:
    """A whole XML or SVG file."""
    if indented:
        ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _add(node: Node, child: Child) -> None:
    if child is None:
        return
    if isinstance(child, str):
        _add_text(node, clean(child))
    elif isinstance(child, ET.Element):
        node.append(child)
    else:
        for part in child:
            _add(node, part)


def _add_text(node: Node, text: str) -> None:
    if len(node):
        last = node[-1]
        last.tail = (last.tail or "") + text
    else:
        node.text = (node.text or "") + text
