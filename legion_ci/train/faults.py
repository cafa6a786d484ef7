"""Faults of the team's own code, told by type, message and the lines in the team's own files."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec

from legion_ci.core.errors import LegionError, Problem, ToolError
from legion_ci.core.files import write_atomic
from legion_ci.train.protocol import Trained
from legion_ci.train.work import Answer, Work, told


def answered(train: Callable[[Work], Trained]) -> int:
    """Train as the job file says; the answer file says how it went. Returns the exit status."""
    work = told()
    try:
        answer = Answer(trained=train(work))
    except LegionError as error:
        answer = Answer(exit_code=error.exit_code, problems=tuple((p.what, p.where, p.todo) for p in error.problems))
    write_atomic(Path(work.result), msgspec.json.encode(answer))
    return answer.exit_code


def own_error(error: BaseException, what: str, folder: Path, todo: str = "") -> ToolError:
    """The team's own error: its type, message, and the frames in the team's own files."""
    lines = [
        f"  {Path(f.filename).resolve().relative_to(folder.resolve())}:{f.lineno} in {f.name}: {f.line}"
        for f in traceback.extract_tb(error.__traceback__)
        if Path(f.filename).resolve().is_relative_to(folder.resolve())
    ]
    text = "\n".join([f"{what} raised {type(error).__name__}: {error}", *lines])
    return ToolError([Problem(text, "train", todo)])
