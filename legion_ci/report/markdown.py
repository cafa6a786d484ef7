"""The run in Markdown, for build descriptions, pull requests and chats; names cannot break out of it."""

from __future__ import annotations

import re

from legion_ci.report import cases, wording
from legion_ci.report.cases import Case
from legion_ci.report.layout import outcome, said, summary
from legion_ci.report.markup import clean
from legion_ci.report.records import Gate, Story

_SIGNS = {"PASS": "✅", "FAIL": "❌", "UNREADABLE": "❌", "INCONCLUSIVE": "🔶"}
_MOST = 12


def render(story: Story, title: str) -> str:
    """Headline, a row a stage, and the first things that did not pass."""
    head = f"## {_signed(outcome(story))}: {text(title)}\n\n"
    rows = "".join(_row(g) for g in story.gates)
    table = f"| stage | verdict | what it says | time |\n|---|---|---|---|\n{rows}"
    return head + table + _open_points(story) + f"\nRun `{re.sub('[`|]', '', story.run)}`\n"


def text(words: str, length: int = 300) -> str:
    """Any text as Markdown that shows just it."""
    line = wording.clip(clean(words), length).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#!|~@])", r"\\\1", line)


def _signed(word: str) -> str:
    return f"{_SIGNS.get(word, '▫️')} {word}"


def _row(gate: Gate) -> str:
    record = gate.record
    took = "–" if record is None else "unchanged" if record.skipped else wording.duration(record.seconds)
    return f"| {gate.stage} | {_signed(said(gate))} | {text(summary(gate)) or '–'} | {took} |\n"


def _open_points(story: Story) -> str:
    order = ("FAIL", "INCONCLUSIVE")
    found = [(g, c) for g in story.gates for c in cases.of(g) if c.outcome in order and c.group != "verdict"]
    found.sort(key=lambda f: order.index(f[1].outcome))
    lines = [_point(g, c) for g, c in found[:_MOST]]
    more = f"- and {wording.count(len(found) - _MOST)} more\n" if len(found) > _MOST else ""
    return "\n" + "".join(lines) + more if lines else ""


def _point(gate: Gate, case: Case) -> str:
    return f"- **{case.outcome}** {gate.stage}: {text(case.name, 120)} – {text(case.message)}\n"
