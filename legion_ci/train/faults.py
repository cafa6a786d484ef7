"""Faults of the team's own code, told by type, message and the lines in the team's own files."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from legion_ci.core.errors import LegionError, Problem, ToolError
from legion_ci.core.files import write_atomic
from legion_ci.train.output import TrainOutput
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


def output_of(call: Callable[[], Any], entrypoint: str, folder: Path) -> TrainOutput:
    """What the team's function returns; its own error is told with the lines in its own files."""
    try:
        result = call()
    except LegionError:
        raise
    except (Exception, SystemExit) as error:
        raise own_error(error, entrypoint, folder) from error
    return result if isinstance(result, TrainOutput) else TrainOutput(result)


def own_error(error: BaseException, what: str, folder: Path, todo: str = "") -> ToolError:
    """The team's own error: its type, message, and the frames in the team's own files."""
    lines = [
        f"  {Path(f.filename).resolve().relative_to(folder.resolve())}:{f.lineno} in {f.name}: {f.line}"
        for f in traceback.extract_tb(error.__traceback__)
        if Path(f.filename).resolve().is_relative_to(folder.resolve())
    ]
    text = "\n".join([f"{what} raised {type(error).__name__}: {error}", *lines])
    return ToolError([Problem(text, "train", todo)])
