"""SARIF 2.1.0: what did not pass, at the line of the settings that asked for it."""

from __future__ import annotations

import json
import re
from pathlib import PurePath
from typing import Any

from legion_ci.core.files import digest_bytes
from legion_ci.report import cases
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
        "results": [_result(stage, case, rules) for stage, case in found],
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


def _location(stage: str, case: Case) -> dict[str, Any]:
    """file:line where it is known; else the setting's path, in the settings file."""
    logical = [{"fullyQualifiedName": clean(case.where or f"{stage}.{case.group}"), "kind": "member"}]
    match = _PLACE.fullmatch(case.where)
    if match is None:
        return {"physicalLocation": _physical("legion.yaml", {"startLine": 1}), "logicalLocations": logical}
    region = {"startLine": int(match["line"])}
    if match["column"]:
        region["startColumn"] = int(match["column"])
    return {"physicalLocation": _physical(match["file"], region)}


def _physical(file: str, region: dict[str, int]) -> dict[str, Any]:
    path = PurePath(file)
    if path.is_absolute():
        return {"artifactLocation": {"uri": path.as_uri()}, "region": region}
    return {"artifactLocation": {"uri": path.as_posix(), "uriBaseId": "%SRCROOT%"}, "region": region}
