"""The page of the deployment: where it answers, and what the team's acceptance tests said."""

from __future__ import annotations

from legion_ci.report import marks, parts, wording
from legion_ci.report.layout import PAGES, gate_banner, page
from legion_ci.report.markup import Child, Node, html
from legion_ci.report.parts import Column
from legion_ci.report.records import Story
from legion_ci.results import DeployResult, TestCase

OUTCOMES = {"passed": "PASS", "failed": "FAIL", "error": "FAIL", "skipped": "NOT ASSESSED"}


def render(story: Story, title: str, most_rows: int) -> str:
    """The page, failed tests first."""
    content: list[Child] = [gate_banner(story.gate("deploy"))]
    if story.deploy is not None:
        content += [_about(story.deploy), _tests(story.deploy, most_rows)]
    return page(story, title, PAGES["deploy"], content)


def _about(result: DeployResult) -> Node:
    return parts.facts([
        ("Deployment", parts.name(result.deployment)), ("Share of traffic then", wording.share(result.share)),
        ("Live deployment", parts.name(result.champion) if result.champion else "none"),
        ("Traffic split", parts.link(result.url)), ("This deployment alone", parts.link(result.direct_url)),
        ("Site", [parts.code(result.site), f" on {result.host}" if result.host else ""]),
    ])  # fmt: skip


def _tests(result: DeployResult, most: int) -> Node:
    if not result.tests:
        return parts.section("Acceptance tests", parts.note("No acceptance tests are configured (deploy.tests)."))
    ordered = sorted(result.tests, key=lambda t: (t.outcome == "passed", t.outcome == "skipped"))
    columns = (Column("Test", "name"), Column("Outcome"), Column("Time", "num"), Column("What it said"))
    rows = [_row(t) for t in ordered[:most]]
    left = (
        parts.note(f"{wording.count(len(ordered) - most)} more are in junit-deploy.xml.")
        if len(ordered) > most
        else None
    )
    return parts.section("Acceptance tests", parts.table("Acceptance tests, failed ones first", columns, rows), left)


def _row(test: TestCase) -> list[Child]:
    badge = marks.badge(OUTCOMES.get(test.outcome, "FAIL"))
    said = html("pre", {}, test.message[:1500]) if test.message else None
    return [
        parts.name(test.name, 200),
        [badge, html("small", {}, " ", test.outcome)],
        wording.duration(test.seconds),
        said,
    ]
