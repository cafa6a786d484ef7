"""Runs: folders of records in a repository's ``.legion/runs``, one writer each, every record replaced as a whole."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from legion_ci.core.errors import ConfigurationError, OrderError
from legion_ci.core.files import write_atomic
from legion_ci.core.lock import left_by_dead, locked
from legion_ci.results import RESULTS, SCHEMA_VERSION, Record, StageResult, decode_result, encode
from legion_ci.settings.schema import STAGES

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")


@dataclass(frozen=True)
class Run:
    """One run's folder. Ids sort by time."""

    folder: Path

    @property
    def id(self) -> str:
        """The run's id."""
        return self.folder.name

    def path(self, stage: str) -> Path:
        """Where a stage's record is."""
        return self.folder / f"{stage}.json"

    def record(self, stage: str) -> Record | None:
        """A stage's record; None when the stage has not run. Raises ConfigurationError for one that cannot be read."""
        path = self.path(stage)
        try:
            record = msgspec.json.decode(path.read_bytes(), type=Record)
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ConfigurationError(
                f"is not a record ({error})", where=str(path), todo=f"run legion-ci {stage} again"
            ) from None
        if record.schema_version > SCHEMA_VERSION:
            raise ConfigurationError(
                f"was written by a newer legion-ci (schema {record.schema_version}, known {SCHEMA_VERSION})",
                where=str(path),
                todo="upgrade legion-ci",
            )
        return record

    def result(self, stage: str) -> StageResult | None:
        """A stage's result, if there is one."""
        record = self.record(stage)
        return decode_result(stage, record) if record else None

    def need(self, stage: str, by: str) -> StageResult:
        """A stage's result; raises OrderError naming the task that makes it."""
        result = self.result(stage)
        if result is None:
            raise OrderError(
                f"{by} needs the result of {stage}, which has not run in run {self.id}",
                todo=f"run legion-ci {stage} first",
            )
        return result

    def write(self, record: Record) -> None:
        """Replace a stage's record as a whole."""
        write_atomic(self.path(record.stage), encode(record))

    def facts(self, facts: Mapping[str, str]) -> None:
        """Write ``facts.properties``, what Jenkins reads: one key=value a line."""
        lines = [f"{k}={' '.join(str(v).split())}" for k, v in sorted(facts.items())]
        write_atomic(self.folder / "facts.properties", "\n".join(lines) + "\n")

    @property
    def finished(self) -> bool:
        """Whether nothing more is to be done: promoted, failed, or rolled back."""
        return (self.folder / "finished").is_file()

    def finish(self, how: str) -> None:
        """Mark the run as finished."""
        write_atomic(self.folder / "finished", how + "\n")

    def reopen(self) -> None:
        """Take the mark away: a stage runs in it again."""
        (self.folder / "finished").unlink(missing_ok=True)

    @contextlib.contextmanager
    def writing(self) -> Iterator[str]:
        """Be the run's one writer; yields what a dead writer left behind, or an empty string."""
        lock = self.folder / ".lock"
        dead = left_by_dead(lock) if lock.is_file() else ""
        with locked(lock, wait=False, what=f"run {self.id}"):
            yield dead


def home(folder: Path) -> Path:
    """Where the runs of a model repository are."""
    return folder / ".legion" / "runs"


def existing(folder: Path) -> list[Run]:
    """All runs, oldest first."""
    root = home(folder)
    found = [Run(p) for p in root.iterdir() if p.is_dir() and (p / "run.json").is_file()] if root.is_dir() else []
    return sorted(found, key=lambda r: _created(r.folder))


def _created(folder: Path) -> tuple[float, str]:
    try:
        return float(json.loads((folder / "run.json").read_bytes())["created"]), folder.name
    except (OSError, ValueError, KeyError):
        return 0.0, folder.name


def choose(folder: Path, told: str | None, *, fresh: bool) -> Run:
    """The run that a task works in: ``--run``, else LEGION_RUN, else the newest unfinished one, else see ``fresh``.

    fresh: a new run may be started when none is unfinished (train, pipeline); else the newest one is taken (OrderError
    when there is none).
    """
    if name := told or os.environ.get("LEGION_RUN"):
        if not _ID.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} is not a run id",
                where="--run" if told else "LEGION_RUN",
                todo="letters, digits, dot, dash and underscore",
            )
        return _open(home(folder) / name)
    runs = existing(folder)
    unfinished = [r for r in runs if not r.finished]
    if unfinished:
        return unfinished[-1]
    if fresh:
        return start(folder)
    if runs:
        return runs[-1]
    raise OrderError(
        "there is no run in this folder",
        where=str(home(folder)),
        todo="run legion-ci train or legion-ci pipeline first",
    )


def start(folder: Path) -> Run:
    """A new run, its id the time and four random digits."""
    return _open(home(folder) / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(2)}")


def _open(path: Path) -> Run:
    if not (path / "run.json").is_file():
        write_atomic(path / "run.json", json.dumps({"created": time.time(), "schema_version": SCHEMA_VERSION}))
    return Run(path)


def find(folder: Path, stage: str, input_digest: str, *, before: Run | None = None) -> tuple[Run, Record] | None:
    """The newest record of that stage that was made from equal inputs, in any run of this folder."""
    for run in [*([before] if before else []), *reversed(existing(folder))]:
        with contextlib.suppress(ConfigurationError, msgspec.DecodeError, msgspec.ValidationError):
            record = run.record(stage)
            if record and record.input_digest == input_digest and record.schema_version == SCHEMA_VERSION:
                return run, record
    return None


assert tuple(RESULTS) == STAGES
