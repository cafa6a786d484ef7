"""A ``module:function`` of the repository, called in another environment's process: never in ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.core.tools import Tools
from legion_ci.quality import limited
from legion_ci.quality.call_worker import MISSING
from legion_ci.quality.predictions import UNLIMITED, write_arrow
from legion_ci.settings.schema import LimitsSettings

WORKER = "legion_ci.quality.call_worker"


@dataclass(frozen=True)
class Call:
    """What is called, with which keyword arguments. folder: the model repository, put on the module path."""

    function: str
    arguments: dict[str, Any]
    folder: str


def ask(
    python: Path, call: Call, tables: Mapping[str, pa.Table], work: Path, timeout_s: float, tools: Tools, where: str,
    limits: LimitsSettings = UNLIMITED,
) -> Any:  # fmt: skip
    """The function's answer as JSON gives it back.

    The tables come first, in the order given, as Arrow tables. Raises ConfigurationError when there is no such function,
    ToolError with its own error when it raises, runs too long, or returns what is no JSON.
    """
    work.mkdir(parents=True, exist_ok=True)
    paths = {name: work / f"call-{name}.arrow" for name in tables}
    job, answer = work / "call.json", work / "call-answer.json"
    answer.unlink(missing_ok=True)
    try:
        for name, table in tables.items():
            write_arrow(table, paths[name])
        job.write_text(json.dumps({**asdict(call), "tables": [str(p) for p in paths.values()], "answer": str(answer)}))
        tools.progress.say(f"calling {call.function}")
        done = tools.shell.run(
            limited.command(python, limits, WORKER, job), cwd=work, env=limited.environment(limits),
            timeout_s=timeout_s, check=False,
        )  # fmt: skip
        if done.returncode != 0 or not answer.is_file():
            _raise(call, done.returncode, tools.secrets.redact(done.stdout), where)
        return json.loads(answer.read_text())
    finally:
        for path in (*paths.values(), job, answer):
            path.unlink(missing_ok=True)


def _raise(call: Call, status: int, said: str, where: str) -> None:
    last = (said.rstrip().splitlines() or ["it ended without a word"])[-1].strip()
    if status == MISSING:
        raise ConfigurationError(last, where=where, todo="name a function of the model repository as module:function")
    raise ToolError(f"{call.function} failed (status {status}: {last})", where=where, todo="call it by itself first")
