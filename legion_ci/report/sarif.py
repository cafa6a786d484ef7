"""SARIF 2.1.0: what did not pass, at the line of the settings that asked for it."""

from __future__ import annotations

import json
import re
from pathlib import PurePath
from typing import Any

from legion_ci.core.files import digest_bytes
from legion_ci.report import cases, changes
from legion_ci.report.cases import Case
from legion_ci.report.markup import clean
from legion_ci.report.records import Story

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_PLACE = re.compile(r"(?P<file>.+?):(?P<line>[1-9]\d*)(?::(?P<column>[1-9]\d*))?")
_LEVELS = {"FAIL": "error", "INCONCLUSIVE": "warning", "NOT ASSESSED": "note"}


def render(story: Story) -> str:
    """The file: failures are errors, what is undecided is a warning, what could not be assessed a note."""
    found = [(g.stage, c) for g in story.gates for c in cases.of(g) if c.outcome in _LEVELS]
    rules = sorted({_rule(stage, case) for stage, case in found})
    driver = {"name": "legion-ci", "version": _version(story), "rules": [_described(r) for r in rules]}
    run: dict[str, Any] = {
        "tool": {"driver": driver}, "columnKind": "unicodeCodePoints",
        "automationDetails": {"id": f"legion-ci/{story.run}"},
        "results": [_result(stage, case, rules) | _baseline(stage, case, story) for stage, case in found],
    }  # fmt: skip
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _version(story: Story) -> str:
    """Of the legion-ci that wrote the records, so that the same records give the same file."""
    return next(
        (g.record.tools["legion-ci"] for g in story.gates if g.record and "legion-ci" in g.record.tools), "unknown"
    )


def _rule(stage: str, case: Case) -> str:
    return clean(f"{stage}/{case.group}")


def _described(rule: str) -> dict[str, Any]:
    stage, group = rule.split("/", 1)
    return {"id": rule, "shortDescription": {"text": f"The {stage} gate asks about {group}"}}


def _result(stage: str, case: Case, rules: list[str]) -> dict[str, Any]:
    rule = _rule(stage, case)
    text = clean(f"{case.name}: {case.outcome}: {case.message}")
    return {
        "ruleId": rule, "ruleIndex": rules.index(rule), "level": _LEVELS[case.outcome], "message": {"text": text},
        "locations": [_location(stage, case)],
        "partialFingerprints": {"legionCase/v1": digest_bytes(clean(f"{rule}\0{case.name}").encode())},
    }  # fmt: skip


def _baseline(stage: str, case: Case, story: Story) -> dict[str, str]:
    """Whether the last promoted build had the same finding; nothing where none is remembered."""
    if story.last is None:
        return {}
    then = story.last.cases.get(changes.key(stage, case))
    return {"baselineState": "unchanged" if then in _LEVELS else "new"}


def place(where: str) -> tuple[str, int, int | None] | None:
    """(file, line, column) of ``file:line:column``; None where a setting is only named."""
    match = _PLACE.fullmatch(where)
    return (match["file"], int(match["line"]), int(match["column"]) if match["column"] else None) if match else None


def _location(stage: str, case: Case) -> dict[str, Any]:
    """file:line where it is known; else the setting's path, in the settings file."""
    logical = [{"fullyQualifiedName": clean(case.where or f"{stage}.{case.group}"), "kind": "member"}]
    found = place(case.where)
    if found is None:
        return {"physicalLocation": _physical("legion.yaml", {"startLine": 1}), "logicalLocations": logical}
    file, line, column = found
    region = {"startLine": line} | ({"startColumn": column} if column else {})
    return {"physicalLocation": _physical(file, region)}


def _physical(file: str, region: dict[str, int]) -> dict[str, Any]:
    path = PurePath(file)
    if path.is_absolute():
        return {"artifactLocation": {"uri": path.as_uri()}, "region": region}
    return {"artifactLocation": {"uri": path.as_posix(), "uriBaseId": "%SRCROOT%"}, "region": region}
