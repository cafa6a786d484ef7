"""The native JSON of Jenkins' Warnings Next Generation plug-in: ``recordIssues tool: issues(pattern: '**/issues.json')``."""

from __future__ import annotations

import json
from typing import Any

from legion_ci.core.files import digest_bytes
from legion_ci.report import cases, changes
from legion_ci.report.cases import Case
from legion_ci.report.markup import clean
from legion_ci.report.records import Story
from legion_ci.report.sarif import place

_SEVERITIES = {"FAIL": "ERROR", "INCONCLUSIVE": "NORMAL", "NOT ASSESSED": "LOW"}


def render(story: Story) -> str:
    """The file: a failure is an ERROR, what is undecided is NORMAL, what could not be assessed LOW."""
    found = [_issue(g.stage, c) for g in story.gates for c in cases.of(g) if c.outcome in _SEVERITIES]
    return json.dumps({"issues": found, "size": len(found)}, indent=2, ensure_ascii=False) + "\n"


def _issue(stage: str, case: Case) -> dict[str, Any]:
    file, line, column = place(case.where) or ("legion.yaml", 1, None)
    return {
        "fileName": file, "lineStart": line, "lineEnd": line, **({"columnStart": column, "columnEnd": column} if column else {}),
        "severity": _SEVERITIES[case.outcome], "category": stage, "type": clean(case.group),
        "message": clean(f"{case.name}: {case.outcome}: {' '.join(case.message.split())[:600]}"), "origin": "legion-ci",
        "fingerprint": digest_bytes(clean(changes.key(stage, case)).encode()),
    }  # fmt: skip
