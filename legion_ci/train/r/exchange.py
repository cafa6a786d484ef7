"""Writes for R what it is asked to train on: tables as JSON, a list of values a column, with their types."""

from __future__ import annotations

import datetime as dt
import math
from importlib.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from legion_ci.core.files import write_atomic
from legion_ci.data import source
from legion_ci.store.manifest import type_name
from legion_ci.train.protocol import TrainJob

if TYPE_CHECKING:
    import pyarrow as pa


def write(job: TrainJob, script: Path, made: Path, ours: Traversable) -> tuple[Path, int]:
    """Write tables, our R files and the job into ``made``; returns the job's path and the number of training rows."""
    for name in ("train.R", "frames.R"):
        write_atomic(made / name, ours.joinpath(name).read_text(encoding="utf-8"))
    loaded = {name: source.load(name, settings, job.folder) for name, settings in job.data.items()}
    told = {
        "script": str(script),
        "name": script.relative_to(job.folder).as_posix(),
        "ours": str(made),
        "target": str(made),
        "answer": str(made / "answer.json"),
        "packages": ["jsonlite", *getattr(job.settings, "packages", ())],
        "parameters": job.settings.parameters,
        "data": {name: _table(data.table, made / f"{name}.json") for name, data in loaded.items()},
        "sample": "train",
        "features": loaded["train"].feature_names,
    }
    path = made / "job.json"
    path.write_bytes(msgspec.json.encode(told))
    return path, loaded["train"].table.num_rows


def _table(table: pa.Table, path: Path) -> dict[str, Any]:
    columns = {name: [_plain(v) for v in table.column(name).to_pylist()] for name in table.column_names}
    path.write_bytes(msgspec.json.encode(columns))
    return {"path": str(path), "types": {f.name: type_name(f.type) for f in table.schema}}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, dt.date | dt.datetime) else value
