"""The gate's own error and power on the quality page, where ``quality --selftest`` has measured them."""

from __future__ import annotations

from legion_ci.report import marks, parts, wording
from legion_ci.report.markup import Child, Node, html
from legion_ci.report.parts import Column
from legion_ci.results import Outcome, SelfTestCheck, SelfTestResult

_COLUMNS = (
    Column("Check", "name"), Column("Sound?"), Column("Wrong", "num"), Column("99 % bounds", "num"), Column("Allowed", "num"),
    Column("Decides", "num"), Column("Trials", "num"), Column("In which worlds"),
)  # fmt: skip


def section(result: SelfTestResult) -> Node:
    """How often each check errs and decides."""
    rows = [_row(c) for c in result.checks]
    return parts.section(
        "How far this gate can be trusted here",
        html("p", {}, f"{wording.clip(result.summary, 300)}."),
        parts.table("Self-test on these evaluation rows", _COLUMNS, rows),
    )


def _row(check: SelfTestCheck) -> list[Child]:
    worlds = f"{check.world}; power: {check.power_world}" if check.power_world else check.world
    if check.outcome is Outcome.NOT_ASSESSED:
        worlds = check.message
    bounds = (
        wording.NONE
        if check.error is None
        else f"{wording.share(check.error_lower)} … {wording.share(check.error_upper)}"
    )
    return [
        parts.name(check.name, 80), marks.badge(check.outcome), wording.share(check.error), bounds, wording.share(check.alpha),
        wording.share(check.power), wording.count(check.runs), wording.clip(worlds, 240),
    ]  # fmt: skip
