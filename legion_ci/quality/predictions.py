"""What a model answers on the evaluation rows: asked in its own locked environment, in a process of its own; kept."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from legion_ci.core import environments
from legion_ci.core.errors import ConfigurationError, Problem, ToolError
from legion_ci.core.files import digest_bytes, unwritable
from legion_ci.core.site import cache_home
from legion_ci.core.tools import Tools
from legion_ci.quality import limited
from legion_ci.quality.slices import no_column
from legion_ci.results import ModelRef
from legion_ci.settings.schema import LimitsSettings
from legion_ci.store import artefacts

MODEL_DIR = "legion_model"
UNLIMITED = LimitsSettings()


@dataclass(frozen=True)
class Request:
    """The rows to predict. digest: of the data set. features: what a model without a recorded signature is given.

    part: which rows these are, where they are a piece of more. limits: of the model's process.
    """

    table: pa.Table
    digest: str
    features: tuple[str, ...]
    timeout_s: float
    part: str = ""
    limits: LimitsSettings = UNLIMITED


class Predictor(Protocol):
    """Asks a model for its predictions."""

    def predict(self, who: str, model: ModelRef, request: Request) -> pa.Table:
        """One row for each row of the request, in its order. who: ``candidate`` or ``champion``, for messages."""


@dataclass(frozen=True)
class LockedPredictor:
    """Runs ``python -m legion_ci.serving.predict`` in the model's environment; answers are kept by digests.

    work: scratch folder. find_links: where packages are besides the index. Raises OrderError when the artefact is out of reach, ConfigurationError for columns that the
    model needs and the data lack, ToolError with the model's own message when it raises or answers other rows.
    """

    tools: Tools
    work: Path
    find_links: tuple[str, ...] = ()

    def predict(self, who: str, model: ModelRef, request: Request) -> pa.Table:
        """See ``Predictor``."""
        folder = artefacts.fetch(model.artefact, self.tools)
        columns = _columns(who, folder, request)
        kept = _kept(model, request, columns)
        if (table := _read(kept)) is not None and table.num_rows == request.table.num_rows:
            self.tools.progress.say(f"predictions of the {who} {_title(model)}: kept from before")
            return table
        table = self._ask(who, model, folder, request, columns)
        _keep(table, kept)
        return table

    def _ask(self, who: str, model: ModelRef, folder: Path, request: Request, columns: list[str]) -> pa.Table:
        python = environments.ensure(folder / MODEL_DIR / "requirements.lock", self.tools, self.find_links)
        self.work.mkdir(parents=True, exist_ok=True)
        rows, out = self.work / f"{who}-input.arrow", self.work / f"{who}-output.arrow"
        out.unlink(missing_ok=True)
        write_arrow(request.table.select(columns), rows)
        which = f" ({request.part})" if request.part else ""
        self.tools.progress.say(f"the {who} {_title(model)} predicts {request.table.num_rows:,} rows{which}")
        asked = ("--model", folder, "--input", rows, "--output", out)
        try:
            self._run(who, model, limited.command(python, request.limits, "legion_ci.serving.predict", *asked), request)
            return _checked(who, model, _read(out), request)
        finally:
            for path in (rows, out):
                path.unlink(missing_ok=True)

    def _run(self, who: str, model: ModelRef, command: list[str | Path], request: Request) -> None:
        with self.tools.progress.waiting(f"the {who}'s predictions"):
            done = self.tools.shell.run(
                command, cwd=self.work, env=limited.environment(request.limits),
                timeout_s=request.timeout_s, check=False,
            )  # fmt: skip
        if done.returncode != 0:
            said = done.stdout.rstrip().splitlines() or ["without a word"]
            raise ToolError(
                f"the {who} {_title(model)} cannot predict the evaluation rows "
                f"(status {done.returncode}: {self.tools.secrets.redact(said[-1].strip())})",
                where="quality", todo=_advice(command, request.limits),
            )  # fmt: skip


def _advice(command: list[str | Path], limits: LimitsSettings) -> str:
    bound = f"; it may use {limits.memory:,} bytes (quality.limits.memory)" if limits.memory else ""
    return f"try it: {' '.join(str(c) for c in command[:5])} …{bound}"


def write_arrow(table: pa.Table, path: Path, options: pa.ipc.IpcWriteOptions | None = None) -> None:
    """Write an Arrow IPC file; a full disk is a ToolError."""
    try:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema, options=options) as writer:
            writer.write_table(table)
    except OSError as error:
        raise unwritable(path, error) from error


def _read(path: Path) -> pa.Table | None:
    """A table, or None when there is none or it is broken."""
    try:
        with pa.OSFile(str(path), "rb") as file:
            return pa.ipc.open_file(file).read_all()
    except (OSError, pa.ArrowInvalid):
        return None


def _columns(who: str, folder: Path, request: Request) -> list[str]:
    """The columns that the model was trained on, else the data set's features."""
    try:
        wanted = json.loads((folder / MODEL_DIR / "head_input.json").read_text())["columns"]
    except (OSError, ValueError, KeyError):
        wanted = list(request.features)
    lacking = [c for c in wanted if c not in request.table.column_names]
    if lacking:
        raise ConfigurationError([_lacks(who, c, request.table) for c in lacking])
    return [str(c) for c in wanted]


def _lacks(who: str, column: str, table: pa.Table) -> Problem:
    problem = no_column(column, table, "data.eval")
    return Problem(f"{problem.what}, which the {who} needs", problem.where, problem.todo)


def _kept(model: ModelRef, request: Request, columns: list[str]) -> Path:
    key = digest_bytes(json.dumps([model.artefact.digest, request.digest, columns]).encode())
    return cache_home() / "predictions" / f"{key[:40]}.arrow"


def _keep(table: pa.Table, path: Path) -> None:
    """Beside its place first, then renamed: nobody reads half of it. A cache that cannot be written is no loss."""
    with contextlib.suppress(OSError, ToolError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        os.close(handle)
        try:
            write_arrow(table, Path(temporary), pa.ipc.IpcWriteOptions(compression="zstd"))
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)


def _checked(who: str, model: ModelRef, table: pa.Table | None, request: Request) -> pa.Table:
    if table is None or "prediction" not in table.column_names:
        columns = "no table" if table is None else f"columns {', '.join(table.column_names) or 'none'}"
        raise ToolError(f"the {who} {_title(model)} gave {columns} instead of predictions", where="quality")
    if table.num_rows != request.table.num_rows:
        raise ToolError(
            f"the {who} {_title(model)} gave {table.num_rows:,} predictions for {request.table.num_rows:,} rows",
            where="quality", todo="a model answers every row, in the order of the rows",
        )  # fmt: skip
    return table


def _title(model: ModelRef) -> str:
    return f"{model.name} {model.version}"
