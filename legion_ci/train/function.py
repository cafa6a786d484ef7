"""Trainer ``function``: a Python function of the model repository, called in a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import ClassVar

import msgspec
from pydantic import Field

from legion_ci.core.errors import ConfigurationError, Problem, ToolError
from legion_ci.settings.schema import TrainSettings
from legion_ci.train.protocol import CodeFiles, Trained, TrainJob


class FunctionSettings(TrainSettings):
    """entrypoint: ``module:function`` of the model repository, called with data sets and parameters."""

    entrypoint: str = Field(default="model:train", pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")


class FunctionTrainer:
    """Calls the function in a fresh process: it may crash, exit or print what it likes."""

    Settings: ClassVar[type[TrainSettings]] = FunctionSettings
    needs_data: ClassVar[bool] = True

    def code(self, settings: TrainSettings, folder: Path) -> list[Path]:
        """Every Python file of the repository."""
        return CodeFiles().below(folder)

    def train(self, job: TrainJob) -> Trained:
        """Run the worker; its output goes straight to the terminal."""
        work = Work(
            entrypoint=job.settings.entrypoint,  # type: ignore[attr-defined]  # FunctionSettings, by the registry
            folder=str(job.folder),
            model_dir=str(job.model_dir),
            result=str(job.scratch / "trained.json"),
            data={name: (s.use, s.model_dump(mode="json")) for name, s in job.data.items()},
            parameters=job.settings.parameters,
            parent=os.getpid(),
        )
        path = job.scratch / "job.json"
        path.write_bytes(msgspec.json.encode(work))
        env = {
            "MLFLOW_TRACKING_URI": job.tracking_uri,
            "MLFLOW_RUN_ID": job.run_id,
            "PYTHONPATH": "",
            "PYTHONUNBUFFERED": "1",
        }
        done = job.tools.shell.run(
            [sys.executable, "-m", "legion_ci.train.worker", path],
            cwd=job.folder,
            env=env,
            timeout_s=job.settings.timeout,
            check=False,
            capture=False,
        )
        return read_answer(Path(work.result), done.returncode, work.entrypoint)


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker is told."""

    entrypoint: str
    folder: str
    model_dir: str
    result: str
    data: dict[str, tuple[str, dict[str, object]]]
    parameters: dict[str, object]
    parent: int  # pid of who waits for the result


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker says: the result, or problems with the exit code that they have."""

    trained: Trained | None = None
    exit_code: int = 0
    problems: tuple[tuple[str, str, str], ...] = ()  # what, where, todo


def read_answer(path: Path, status: int, entrypoint: str) -> Trained:
    """The worker's result, or its problems raised as the error that they are."""
    try:
        answer = msgspec.json.decode(path.read_bytes(), type=Answer)
    except (OSError, msgspec.DecodeError):
        raise ToolError(
            f"{entrypoint} ended its process (status {status}) without a model",
            where="train.entrypoint",
            todo="look at its output above; do not call exit in it",
        ) from None
    if answer.trained is not None and status == 0:
        return answer.trained
    problems = [Problem(*p) for p in answer.problems]
    raise (ConfigurationError if answer.exit_code == ConfigurationError.exit_code else ToolError)(problems)
