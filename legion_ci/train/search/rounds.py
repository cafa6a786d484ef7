"""Searches: makes trials in rounds, each a process, until the budget is spent; every one is a run of its own in MLflow."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from legion_ci.core.errors import ToolError
from legion_ci.core.shell import end_group
from legion_ci.settings.schema import SearchSettings
from legion_ci.train import leash
from legion_ci.train.protocol import TrainJob
from legion_ci.train.search import held_out
from legion_ci.train.search.score import LOWER_IS_BETTER
from legion_ci.train.search.trial import Reached, Trial

if TYPE_CHECKING:
    from legion_ci.store.mlflow import Store

_PARENT = "mlflow.parentRunId"


@dataclass(frozen=True)
class Made:
    """A finished trial. run_id: its run in MLflow. value: what it reached, None when it failed, for ``problem``."""

    number: int
    parameters: Mapping[str, Any]
    run_id: str
    value: float | None
    problem: str = ""


@dataclass(frozen=True)
class Best:
    """The job to train with the best hyper-parameters, and what the search has to tell about them."""

    job: TrainJob
    metrics: dict[str, float]
    tags: dict[str, str]


def best(job: TrainJob, search: SearchSettings, mlflow: Store) -> Best:
    """Search; raises ToolError when no trial succeeded. The same seed tries the same, while the budget of time lasts."""
    from legion_ci.train.search.sampler import Proposals

    scratch = job.scratch / "search"
    scratch.mkdir()
    rows = held_out.rows(search, job.data, job.folder, scratch)
    proposals, made, end = Proposals(search), list[Made](), time.monotonic() + search.time
    while time.monotonic() < end and (asked := proposals.ask(search.parallel)):
        done = _round(job, search, rows, [p for _, p in asked], len(made), mlflow)
        for (trial, _), one in zip(asked, done, strict=True):
            proposals.tell(trial, one.value)
        made += done
        job.tools.progress.say(_said(search, made))
    chosen = _best(search, made)
    settings = job.settings.model_copy(update={"parameters": {**job.settings.parameters, **chosen.parameters}})
    metrics = {f"search.{search.metric}": _reached(chosen), "search.trials": float(len(made))}
    shutil.rmtree(scratch, ignore_errors=True)
    return Best(replace(job, settings=settings, data=rows.final), metrics, {"search.best": chosen.run_id})


def _round(
    job: TrainJob, search: SearchSettings, rows: held_out.Rows, asked: list[dict[str, Any]], first: int, mlflow: Store
) -> list[Made]:
    """Make trials side by side; when this is stopped, they are."""
    children: list[subprocess.Popen[str]] = []
    runs = [mlflow.start_run(f"trial {first + i}", {_PARENT: job.run_id}) for i in range(len(asked))]
    folders = [job.scratch / "search" / f"trial-{first + i}" for i in range(len(asked))]
    ended = 0
    try:
        for folder, run_id, parameters in zip(folders, runs, asked, strict=True):
            children.append(_start(job, search, rows, parameters, run_id, folder))
        for child in children:
            _wait(child, job.settings.timeout)
        made = [Made(first + i, p, r, *_look(f)) for i, (f, r, p) in enumerate(zip(folders, runs, asked, strict=True))]
        for one, folder in zip(made, folders, strict=True):
            _log(mlflow, search, one, folder)
            ended += 1
            shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        for child in children:
            end_group(child)
        for run_id in runs[ended:]:
            mlflow.end_run(run_id, "KILLED")
        raise
    return made


def _start(
    job: TrainJob, search: SearchSettings, rows: held_out.Rows, parameters: dict[str, Any], run_id: str, folder: Path
) -> subprocess.Popen[str]:
    folder.mkdir()
    stated = job.settings.model_dump(mode="json") | {"parameters": {**job.settings.parameters, **parameters}}
    told = Trial(
        settings={**stated, "search": None},
        data={name: (s.use, s.model_dump(mode="json")) for name, s in rows.seen.items()},
        judged=(rows.judged.use, rows.judged.model_dump(mode="json")),
        metric=search.metric,
        folder=str(job.folder),
        scratch=str(folder / "scratch"),
        tracking_uri=job.tracking_uri,
        run_id=run_id,
        python=str(job.python),
    )
    path = folder / "trial.json"
    path.write_bytes(msgspec.json.encode(told))
    command = leash.words([sys.executable, "-m", "legion_ci.train.search.trial", path])
    with (folder / "output.txt").open("w") as output:
        return subprocess.Popen(
            list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip


def _wait(child: subprocess.Popen[str], timeout_s: float) -> None:
    try:
        child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        end_group(child)


def _look(folder: Path) -> tuple[float | None, str]:
    try:
        reached = msgspec.json.decode((folder / "reached.json").read_bytes(), type=Reached)
    except (OSError, msgspec.DecodeError):
        last = (folder / "output.txt").read_text(errors="replace").strip().splitlines()[-5:]
        return None, "the trial ended without an answer: " + "\n".join(last)
    return reached.value, reached.problem


def _log(mlflow: Store, search: SearchSettings, one: Made, folder: Path) -> None:
    measured = {} if one.value is None else {f"search.{search.metric}": one.value}
    if one.value is not None:
        trained = msgspec.json.decode((folder / "reached.json").read_bytes(), type=Reached).trained
        measured |= trained.metrics if trained else {}
    mlflow.log(
        one.run_id,
        {k: str(v) for k, v in one.parameters.items()},
        measured,
        {"search.problem": one.problem[:4000]} if one.problem else {},
    )
    mlflow.end_run(one.run_id, "FAILED" if one.value is None else "FINISHED")


def _best(search: SearchSettings, made: list[Made]) -> Made:
    """The best trial, of equals the earliest; raises with the first problem when all failed."""
    done = [m for m in made if m.value is not None]
    if not done:
        why = made[0].problem if made else "the budget of time was spent before the first"
        raise ToolError(f"none of {len(made)} trials succeeded; the first: {why}", where="train.search")
    sign = 1 if search.metric in LOWER_IS_BETTER else -1
    return min(done, key=lambda m: (sign * _reached(m), m.number))


def _reached(one: Made) -> float:
    assert one.value is not None
    return one.value


def _said(search: SearchSettings, made: list[Made]) -> str:
    failed = sum(m.value is None for m in made)
    found = _best(search, made) if failed < len(made) else None
    told = f"best {search.metric} {_reached(found):.4g} (trial {found.number})" if found else "none succeeded yet"
    return f"search: {len(made)} of at most {search.trials} trials, {told}" + (f", {failed} failed" if failed else "")
