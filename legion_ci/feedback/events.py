"""Events of a feedback store for DuckDB: one FROM clause over JSON lines and closed days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from legion_ci.feedback.layout import ANSWER, CLOSED, OUTCOME, REQUEST, files

Columns = Mapping[str, str]  # name -> DuckDB type
MEMORY, THREADS = "1GB", 4
FIELDS: dict[str, Columns] = {
    REQUEST: {
        "request_id": "VARCHAR", "request_http_method": "VARCHAR", "request_http_headers": "JSON",
        "request_host": "VARCHAR", "request_uri": "VARCHAR", "request_content": "VARCHAR", "response_status": "INTEGER",
        "response_http_headers": "JSON", "model_name": "VARCHAR", "model_version": "VARCHAR", "time": "VARCHAR",
        "deployment": "VARCHAR", "arm": "VARCHAR", "purpose": "VARCHAR", "experiment": "VARCHAR", "step": "VARCHAR",
        "share": "DOUBLE", "unit": "VARCHAR", "digest": "VARCHAR", "latency_us": "BIGINT", "time_unix": "DOUBLE",
    },
    ANSWER: {
        "request_id": "VARCHAR", "response_content": "VARCHAR", "model_name": "VARCHAR", "model_version": "VARCHAR",
        "time": "VARCHAR", "deployment": "VARCHAR", "time_unix": "DOUBLE",
    },
    OUTCOME: {
        "request_id": "VARCHAR", "model_name": "VARCHAR", "model_version": "VARCHAR", "payload": "JSON",
        "time": "VARCHAR", "time_unix": "DOUBLE",
    },
}  # fmt: skip


def source(store: Path, tag: str, model: str | None, since: float, names: Sequence[str]) -> str:
    """A FROM clause of those fields of a tag's events (model None: of every model) from the hour of ``since`` on.

    Torn and foreign lines are passed over. A query must use at least two of the fields: for a single one DuckDB 2.0 keeps the
    buffer of every file that it has read (32 MiB each). Hold ``access.reading`` while it is used.
    """
    return of_files(files(store, tag, model, since), {n: FIELDS[tag][n] for n in names}, since)


def of_files(paths: Sequence[Path], columns: Columns, since: float = 0.0) -> str:
    """A FROM clause of some files, as ``source``."""
    lines = [p for p in paths if p.suffix != CLOSED]
    closed = [p for p in paths if p.suffix == CLOSED]
    parts = [f"SELECT * FROM {json_lines(lines, columns)}"] if lines or not closed else []  # noqa: S608 - paths are quoted
    if closed:
        parts.append(_closed(closed, columns, since))
    return "(" + " UNION ALL ".join(parts) + ")"


def json_lines(paths: Sequence[Path], columns: Columns) -> str:
    """A FROM clause of files of JSON lines."""
    if not paths:
        nothing = ", ".join(f"NULL::{kind} AS {name}" for name, kind in columns.items())
        return f"(SELECT {nothing} WHERE false)"
    kinds = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
    options = "hive_partitioning=false, ignore_errors=true"
    return f"read_json({listed(paths)}, format='newline_delimited', columns={{{kinds}}}, {options})"


def _closed(paths: Sequence[Path], columns: Columns, since: float) -> str:
    """Parquet files of whole days; hours before that of ``since`` are left out, as their files of lines would be."""
    chosen = ", ".join(f"{name}::{kind} AS {name}" for name, kind in columns.items())
    hour = max(since, 0.0) // 3600 * 3600
    return f"SELECT {chosen} FROM read_parquet({listed(paths)}, union_by_name=true, hive_partitioning=false) WHERE coalesce(time_unix, {hour!r}) >= {hour!r}"  # noqa: S608


def listed(paths: Sequence[Path]) -> str:
    """File names as a SQL list."""
    return "[" + ", ".join(quoted(str(p)) for p in paths) + "]"


def quoted(text: str) -> str:
    """A SQL string."""
    return "'" + text.replace("'", "''") + "'"
