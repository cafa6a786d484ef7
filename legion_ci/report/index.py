"""The overview: one screen that answers a reviewer's questions, then findings, the stages and the files."""

from __future__ import annotations

from collections.abc import Sequence

from legion_ci.report import answers, changes, marks, parts, promote, wording
from legion_ci.report.answers import Answer
from legion_ci.report.layout import HOME, LINEAGE, PAGES, outcome, page, said, summary
from legion_ci.report.markup import Child, Node, html
from legion_ci.report.parts import Column
from legion_ci.report.records import Gate, Story

_FILES = {
    "summary.md": "the run in Markdown", "badge.svg": "the verdict as a badge", "findings.sarif": "what did not pass, at the line that asked for it", "issues.json": "the same for Warnings Next Generation",
    "junit-quality.xml": "checks and slices as test cases", "junit-perf.xml": "budgets as test cases",
    "junit-promote.xml": "claims as test cases", "junit-deploy.xml": "acceptance tests",
    "plot-quality.csv": "metrics, a row a run", "plot-latency.csv": "percentiles in ms", "plot-seconds.csv": "times of the stages",
    "perf.jtl": "every request of the load test (JMeter)",
}  # fmt: skip


def render(story: Story, title: str, files: Sequence[str]) -> str:
    """The page. files: the names of the other files that are written beside it."""
    return page(
        story, title, HOME, _verdict(story), _answers(story), changes.section(story), _stages(story), _beside(files),
    )  # fmt: skip


def _verdict(story: Story) -> Node:
    gate = story.decisive
    broken = next((g for g in story.gates if g.problem), None)
    told = (
        f"{gate.stage}: {summary(gate)}"
        if gate
        else broken.problem
        if broken
        else "No stage of this run has left a record."
    )
    more = gate.result.more_data if gate and gate.result else None
    return parts.banner(outcome(story), told, more or None)


def _answers(story: Story) -> Node:
    return html("div", {"class": "answers"}, [_card(a, story) for a in answers.all_of(story)])


def _card(answer: Answer, story: Story) -> Node:
    bar = promote.split_bar(story.promote) if answer.stage == "promote" and story.promote else None
    link = html("p", {"class": "onward"}, onward) if (onward := _onward(answer, story)) is not None else None
    lines = parts.facts([(wording.clip(k, 60), parts.name(v)) for k, v in answer.lines])
    return html(
        "section", {"class": f"answer {marks.kind(answer.word)}"}, html("h2", {}, answer.question), marks.badge(answer.word),
        html("p", {"class": "short"}, answer.short), bar, lines, link,
    )  # fmt: skip


def _onward(answer: Answer, story: Story) -> Node | None:
    if answer.stage == LINEAGE:
        return html("a", {"href": LINEAGE}, "Lineage and differences")
    if not story.gate(answer.stage).ran:
        return None
    return html("a", {"href": PAGES[answer.stage]}, f"The {answer.stage} gate")


def _stages(story: Story) -> Node:
    columns = (
        Column("Stage"),
        Column("Verdict"),
        Column("What it says", "prose"),
        Column("Time", "num"),
        Column("Ended"),
    )
    rows = [_stage(g) for g in story.gates]
    return parts.section("Stages", parts.table("The six stages of this run", columns, rows), _course(story))


def _course(story: Story) -> Node | None:
    """When the run began and how much of it was work."""
    ran = [g.record for g in story.gates if g.record]
    if not ran:
        return None
    worked = sum(r.seconds for r in ran if not r.skipped)
    began = parts.time(min(r.started_at for r in ran))
    return html(
        "p", {"class": "course"}, "Began ", began, f"; {wording.duration(worked)} of work in the stages that ran."
    )


def _stage(gate: Gate) -> list[Child]:
    named = html("a", {"href": PAGES[gate.stage]}, gate.stage) if gate.stage in PAGES and gate.ran else gate.stage
    if gate.record is None:
        return [named, marks.badge(said(gate)), gate.problem or wording.NONE, wording.NONE, wording.NONE]
    took = "unchanged" if gate.record.skipped else wording.duration(gate.record.seconds)
    more = (
        html("small", {}, wording.clip(gate.result.more_data, 200)) if gate.result and gate.result.more_data else None
    )
    return [
        named,
        marks.badge(said(gate)),
        [wording.clip(summary(gate), 260), more],
        took,
        parts.time(gate.record.ended_at),
    ]


def _beside(files: Sequence[str]) -> Node:
    items = [html("li", {}, html("a", {"href": f}, f), f" – {_FILES[f]}") for f in _FILES if f in files]
    return parts.section("For other tools", html("ul", {"class": "files"}, items))
