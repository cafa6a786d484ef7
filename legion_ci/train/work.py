"""What a training process is told and what it says back: files, so that it may print what it likes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from legion_ci.core.errors import ConfigurationError, PluginError, Problem, ServiceError, ToolError
from legion_ci.train import leash
from legion_ci.train.protocol import Trained, TrainJob

JOB = "LEGION_TRAIN_JOB"  # environment variable: path of the job file
MODEL = "LEGION_MODEL"  # environment variable: folder (not there yet) where a program may leave its model
_KINDS = {e.exit_code: e for e in (ConfigurationError, PluginError, ServiceError, ToolError)}


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is told. entrypoint: a function, script or notebook. options: the trainer's own."""

    entrypoint: str
    folder: str
    model_dir: str
    result: str
    data: dict[str, tuple[str, dict[str, object]]]
    parameters: dict[str, object]
    options: dict[str, str] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the process says: the result, or problems with the exit code that they have."""

    trained: Trained | None = None
    exit_code: int = 0
    problems: tuple[tuple[str, str, str], ...] = ()  # what, where, todo


def ask(
    job: TrainJob,
    module: str,
    entrypoint: str,
    *,
    model_dir: Path | None = None,
    options: Mapping[str, str] | None = None,
    command: Sequence[str | Path] | None = None,
) -> Trained:
    """Run ``python -m module JOB`` in the training environment and return what it says.

    model_dir: where it leaves the model, the job's when None. Its output goes straight to the terminal; it and all that
    it starts end with us. Raises what it raised.
    """
    left = model_dir or job.model_dir
    work = Work(
        entrypoint=entrypoint,
        folder=str(job.folder),
        model_dir=str(left),
        result=str(job.scratch / "trained.json"),
        data={name: (s.use, s.model_dump(mode="json")) for name, s in job.data.items()},
        parameters=dict(job.settings.parameters),
        options=dict(options or {}),
    )
    path = job.scratch / "job.json"
    path.write_bytes(msgspec.json.encode(work))
    program = command or [job.python, "-m", module, path]
    status = run(job, program, {"PYTHONPATH": "", JOB: str(path), MODEL: str(left)})
    return read_answer(Path(work.result), status, entrypoint)


def run(job: TrainJob, program: Sequence[str | Path], env: Mapping[str, str], cwd: Path | None = None) -> int:
    """Run a program of the team on a leash, in our MLflow run; returns its status."""
    told = {
        "MLFLOW_TRACKING_URI": job.tracking_uri,
        "MLFLOW_REGISTRY_URI": job.tracking_uri,
        "MLFLOW_RUN_ID": job.run_id,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONUNBUFFERED": "1",
    }
    done = job.tools.shell.run(
        leash.words(program),
        cwd=cwd or job.folder,
        env={**told, **env},
        timeout_s=job.settings.timeout,
        check=False,
        capture=False,
    )
    return done.returncode


def read_answer(path: Path, status: int, entrypoint: str) -> Trained:
    """The process's result, or its problems raised as the error that they are."""
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
    raise _KINDS.get(answer.exit_code, ToolError)([Problem(*p) for p in answer.problems])


def told() -> Work:
    """The job of this process, named by its first argument."""
    return msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Work)
