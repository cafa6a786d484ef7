"""The frame of every page: head, navigation, landmarks, foot; one style sheet beside it and nothing else."""

from __future__ import annotations

from legion_ci.report import marks, parts, wording
from legion_ci.report.markup import Child, Node, document, html
from legion_ci.report.records import Gate, Story

PAGES = {"quality": "quality.html", "deploy": "deploy.html", "perf": "perf.html", "promote": "promote.html"}
HOME, LINEAGE = "index.html", "lineage.html"
TITLES = {"quality": "Quality", "deploy": "Deploy", "perf": "Performance", "promote": "Promotion"}


def page(story: Story, title: str, here: str, *content: Child) -> str:
    """A whole page. here: its file name."""
    heading = (
        title
        if here == HOME
        else "Lineage"
        if here == LINEAGE
        else next(TITLES[s] for s, f in PAGES.items() if f == here)
    )
    shown = title if here == HOME else f"{heading} · {title}"
    head = html(
        "head", {}, html("meta", {"charset": "utf-8"}), html("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        html("meta", {"name": "color-scheme", "content": "light dark"}), html("title", {}, f"{wording.clip(shown, 120)} – legion-ci"),
        html("link", {"rel": "icon", "href": marks.FILES[marks.kind(outcome(story))], "type": "image/svg+xml"}),
        html("link", {"rel": "stylesheet", "href": "legion.css"}),
    )  # fmt: skip
    body = html(
        "body", {}, html("a", {"class": "skip", "href": "#main"}, "Skip to the content"), _header(story, title, here),
        html("main", {"id": "main"}, html("h1", {}, parts.name(heading)), content), _footer(story),
    )  # fmt: skip
    return document(html("html", {"lang": "en"}, head, body))


def outcome(story: Story) -> str:
    """The run's verdict in a word."""
    return str(story.verdict) if story.verdict else "NOT FINISHED"


def said(gate: Gate) -> str:
    """A stage's verdict in a word."""
    return "UNREADABLE" if gate.problem else str(gate.result.verdict) if gate.result else "NOT RUN"


def gate_banner(gate: Gate) -> Node:
    """The verdict of a gate's page, with the time that it took."""
    if gate.problem:
        return parts.banner("UNREADABLE", gate.problem)
    if gate.record is None or gate.result is None:
        return parts.banner(
            "NOT RUN", f"There is no record of {gate.stage} in this run.", f"legion-ci {gate.stage} makes it."
        )
    about = [*_when(gate), f" · {gate.result.reason}" if gate.result.reason else ""]
    return parts.banner(said(gate), summary(gate), gate.result.more_data or None, about)


def summary(gate: Gate) -> str:
    """A stage's line for people, without the verdict that stands beside it anyway."""
    if gate.result is None:
        return gate.problem
    text = gate.result.summary.removeprefix(f"{gate.result.verdict}: ")
    return text or gate.result.reason


def _when(gate: Gate) -> list[Child]:
    assert gate.record is not None
    reused = ", unchanged since and not run again" if gate.record.skipped else ""
    host = f" on {gate.record.host}"
    return [parts.time(gate.record.started_at), f", {wording.duration(gate.record.seconds)}{host}{reused}"]


def _header(story: Story, title: str, here: str) -> Node:
    items = [_item("Overview", HOME, here, outcome(story))]
    items += [_item(TITLES[s], f, here, said(story.gate(s))) for s, f in PAGES.items() if story.gate(s).ran]
    items.append(_item("Lineage", LINEAGE, here))
    return html(
        "header", {}, html("p", {"class": "product"}, html("strong", {}, "legion-ci"), " ", parts.name(title, 60)),
        html("nav", {"aria-label": "Pages of this run"}, html("ul", {}, items)),
    )  # fmt: skip


def _item(label: str, file: str, here: str, word: str = "") -> Node:
    """An entry of the navigation. word: the verdict of a gate's page."""
    sign = html("img", {"src": marks.FILES[marks.kind(word)], "alt": word, "width": 14, "height": 14}) if word else None
    current = "page" if file == here else None
    return html(
        "li", {}, html("a", {"href": file, "aria-current": current}, sign, " " if sign is not None else None, label)
    )


def _footer(story: Story) -> Node:
    records = [g.record for g in story.gates if g.record]
    version = f" {records[-1].tools.get('legion-ci', '')}".rstrip() if records else ""
    return html("footer", {}, html("p", {}, f"Run {story.run} · written by legion-ci{version} from the run's records"))
