"""This run held against the last promoted build: findings that are new, fixed or outstanding, and what else differs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from legion_ci.report import cases, explain, marks, parts, wording
from legion_ci.report.cases import Case
from legion_ci.report.markup import Child, Node
from legion_ci.report.parts import Column
from legion_ci.report.promoted import Promoted
from legion_ci.report.records import Story

FINDINGS = ("FAIL", "INCONCLUSIVE")
_DIGEST = re.compile("[0-9a-f]{40,64}")
NEW, OUTSTANDING, FIXED = "new", "outstanding", "fixed"


@dataclass(frozen=True)
class Finding:
    """A case that did not pass, now or then. state: new, outstanding or fixed."""

    state: str
    stage: str
    case: Case
    then: str = ""


@dataclass(frozen=True)
class Difference:
    """A fact or figure that is not as it was."""

    what: str
    then: str
    now: str


def key(stage: str, case: Case) -> str:
    """What makes a case the same one in another run."""
    return f"{stage}/{case.group}/{case.name}"


def of(story: Story) -> Promoted | None:
    """This run as the next ones will remember it; None unless it was promoted just now or is the champion."""
    result = story.promote
    if result is None or not story.model or result.action != "promoted" or not story.gate("promote").record:
        return None
    record = story.gate("promote").record
    assert record is not None
    build = story.train.provenance.build if story.train else ""
    asked = {key(g.stage, c): c.outcome for g in story.gates for c in cases.of(g)}
    return Promoted(
        run=story.run, model=story.subject, at=record.ended_at, build=wording.without_secrets(build), cases=asked,
        facts=facts(story), figures=figures(story),
    )  # fmt: skip


def findings(story: Story) -> list[Finding]:
    """New, outstanding and fixed findings; nothing of stages that have not run, and none without a promoted build."""
    if story.last is None:
        return []
    found = [_state(g.stage, c, story.last) for g in story.gates if g.ran for c in cases.of(g)]
    order = (NEW, OUTSTANDING, FIXED)
    return sorted((f for f in found if f), key=lambda f: (order.index(f.state), FINDINGS.index(_worse(f))))


def _worse(finding: Finding) -> str:
    return finding.case.outcome if finding.case.outcome in FINDINGS else finding.then


def _state(stage: str, case: Case, last: Promoted) -> Finding | None:
    then = last.cases.get(key(stage, case), "")
    is_one, was_one = case.outcome in FINDINGS, then in FINDINGS
    if not (is_one or was_one) or case.group == "verdict":
        return None
    return Finding(OUTSTANDING if is_one and was_one else NEW if is_one else FIXED, stage, case, then)


def facts(story: Story) -> dict[str, str]:
    """What a run is made of: versions, digests, parameters."""
    train = story.train
    if train is None:
        return {}
    origin = train.provenance
    told = {"model": story.subject, "commit": origin.commit, "code": origin.code, "train settings": origin.settings}
    told |= {f"data {n}": d for n, d in sorted(origin.data.items())} | {"lock": train.lock_digest}
    if story.quality:
        told["data eval"] = story.quality.data_digest
    told |= {f"parameter {n}": v for n, v in sorted(train.parameters.items())}
    return {n: v for n, v in told.items() if v}


def figures(story: Story) -> dict[str, float]:
    """What was measured: metrics on all rows, training rows, percentiles in ms."""
    told: dict[str, float] = {}
    if story.train and story.train.n_rows:
        told["training rows"] = story.train.n_rows
    for check in story.quality.checks if story.quality else ():
        if not check.slice and check.candidate is not None:
            told[check.metric] = check.candidate
    if story.perf and not explain.invalid(story.perf):
        told |= {f"{n} ms": v for n, v in story.perf.percentiles_ms.items()}
    return told


def differences(story: Story) -> list[Difference]:
    """Facts that differ, then figures that differ, of what is known on both sides."""
    if story.last is None:
        return []
    now, then = facts(story), story.last.facts
    told = [Difference(n, _fact(then.get(n)), _fact(now.get(n))) for n in {**then, **now} if now.get(n) != then.get(n)]
    measured, before = figures(story), story.last.figures
    return told + [
        Difference(n, wording.number(before[n]), wording.number(v))
        for n, v in measured.items()
        if n in before and v != before[n]
    ]


def _fact(value: str | None) -> str:
    """A digest shortened, anything else as it is."""
    return wording.NONE if value is None else wording.short(value) if _DIGEST.fullmatch(value) else value


def told(found: Sequence[Finding]) -> str:
    """``2 new, 1 fixed, 3 outstanding``."""
    counts = [(sum(f.state == s for f in found), s) for s in (NEW, FIXED, OUTSTANDING)]
    return ", ".join(f"{n} {s}" for n, s in counts if n) or "no findings, then as now"


def section(story: Story, most: int = 40) -> Node:
    """Findings against the last promoted build, for the overview."""
    title = "Findings since the last promoted build"
    if story.last is None:
        return parts.section(
            title, parts.note("No promoted build is remembered on this site, so there is nothing to compare with.")
        )
    found = findings(story)
    about = parts.note(
        f"{told(found)}; compared with {story.last.model} of ", parts.time(story.last.at), f" (run {story.last.run})."
    )
    if not found:
        return parts.section(title, about)
    columns = (
        Column("Finding", "name"),
        Column("State"),
        Column("Now"),
        Column("Then"),
        Column("What it says", "prose"),
    )
    left = (
        parts.note(f"{wording.plural(len(found) - most, 'more finding')} in findings.sarif.")
        if len(found) > most
        else None
    )
    return parts.section(
        title, about, parts.table("Findings, new ones first", columns, [_row(f) for f in found[:most]]), left
    )


def _row(finding: Finding) -> list[Child]:
    then = marks.badge(finding.then) if finding.then else "not asked"
    name: Child = [parts.name(finding.case.name, 160), f" ({finding.stage})"]
    return [name, finding.state, marks.badge(finding.case.outcome), then, wording.clip(finding.case.message, 200)]


def table(story: Story) -> Node | None:
    """What else differs, for the page of the lineage."""
    found = differences(story)
    if story.last is None:
        return None
    title = "Differences from the last promoted build"
    if not found:
        return parts.section(title, parts.note("Nothing that is known of both differs."))
    columns = (Column("What", "name"), Column("Then"), Column("Now"))
    rows: list[list[Child]] = [[parts.name(d.what), parts.name(d.then), parts.name(d.now)] for d in found[:200]]
    return parts.section(title, parts.table(title, columns, rows))
