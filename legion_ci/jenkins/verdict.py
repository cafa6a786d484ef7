"""The verdict of a build: from the records that it left, held against Jenkins' colour; the local record says both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from legion_ci.core.errors import OrderError, ToolError
from legion_ci.core.files import write_atomic
from legion_ci.facts import exit_code
from legion_ci.jenkins.follow import Build
from legion_ci.results import StageResult, Verdict
from legion_ci.runs import Run
from legion_ci.settings.schema import STAGES

RECORD = "build.json"
ABORTED = 143
_COLOURS = {Verdict.PASS: "SUCCESS", Verdict.FAIL: "FAILURE", Verdict.INCONCLUSIVE: "UNSTABLE"}


def results(folders: Sequence[Path]) -> dict[str, StageResult]:
    """Stage -> result of the fetched runs. Raises ConfigurationError for a record that cannot be read."""
    found: dict[str, StageResult] = {}
    for folder in folders:
        found |= {s: r for s in STAGES if (r := Run(folder).result(s))}
    return found


def judge(build: Build, found: dict[str, StageResult]) -> tuple[int, str]:
    """(exit code, a line for people). Codes 1 and 10 only where a record says so and Jenkins' colour agrees.

    Raises OrderError for a build without any record, ToolError where colour and records do not agree: something else
    than a gate made it red or unstable.
    """
    if build.result in ("ABORTED", "NOT_BUILT"):
        return ABORTED, f"{build.job} #{build.number} was aborted"
    if not found:
        raise OrderError(
            f"{build.job} #{build.number} ({build.result}) left no record of a stage",
            where=build.url,
            todo="see its log",
        )
    stage, result = _decisive(found)
    if build.result != _COLOURS[result.verdict]:
        raise ToolError(
            f"{build.job} #{build.number} is {build.result}, but {stage} says {result.verdict}: something else decided it",
            where=build.url, todo="the end of its log says what",
        )  # fmt: skip
    return exit_code(result), f"{stage} {result.verdict}: {result.summary}"


def _decisive(found: dict[str, StageResult]) -> tuple[str, StageResult]:
    """The first that failed, else the last that is undecided, else the last."""
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        said = [(s, r) for s, r in found.items() if r.verdict is verdict]
        if said:
            return said[0] if verdict is Verdict.FAIL else said[-1]
    return list(found.items())[-1]


def remember(build: Build, found: dict[str, StageResult], folder: Path, run: str) -> Path:
    """Write the local record of a build: where it is, what Jenkins and each gate said."""
    told = {
        "schema_version": 1, "job": build.job, "number": build.number, "url": build.url, "result": build.result, "run": run,
        "verdicts": {s: {"verdict": str(r.verdict), "reason": r.reason, "summary": r.summary} for s, r in found.items()},
    }  # fmt: skip
    write_atomic(folder / RECORD, json.dumps(told, indent=2) + "\n")
    return folder / RECORD
