"""Reads report pages for tests: every tag with its attributes, and the text that is shown."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "link", "img"}


class Page(HTMLParser):
    """A parsed page. tags: (name, attributes) in order; text: all text; unclosed: tags that nobody closed."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.unclosed, self.broken = "", [], []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.unclosed or self.unclosed.pop() != tag:
            self.broken.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every such tag."""
        return [a for t, a in self.tags if t == tag]


def page(path: Path) -> Page:
    """A page from its file."""
    return Page(path.read_text(encoding="utf-8"))
