"""``feedback.export``: stored events as JSON lines, CSV or Parquet, to a file or standard output."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from legion_ci.core.errors import ConfigurationError, LegionError, Problem, ToolError
from legion_ci.core.files import unwritable
from legion_ci.core.tools import Tools
from legion_ci.feedback.database import opened
from legion_ci.feedback.events import FIELDS, quoted, source
from legion_ci.feedback.layout import ANSWER, OUTCOME, REQUEST
from legion_ci.feedback.selection import Selection, select
from legion_ci.settings.load import FILE, load

if TYPE_CHECKING:
    import duckdb

WHAT = {"requests": REQUEST, "answers": ANSWER, "outcomes": OUTCOME}
_COPY = {
    "jsonl": "FORMAT json, ARRAY false",
    "csv": "FORMAT csv, HEADER",
    "parquet": "FORMAT parquet, COMPRESSION zstd",
}
_ENDINGS = {".jsonl": "jsonl", ".json": "jsonl", ".csv": "csv", ".parquet": "parquet"}


def events_out(
    tools: Tools, settings: str, sets: Sequence[str], what: str, model_version: str, since: str, until: str, output: str,
    format_: str,
) -> int:  # fmt: skip
    """Write the events; their number goes to standard error by progress."""
    problems: list[Problem] = []
    if what not in WHAT:
        problems.append(Problem(f"there are no {what!r}", "--what", f"choose {', '.join(WHAT)}"))
    try:
        kind = format_of(format_, output)
    except LegionError as error:
        problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    loaded = load(Path(settings or FILE), sets)
    chosen = select(model_version, since, until, tools.clock.now())
    count = export(loaded.site.feedback, loaded.settings.model.name, WHAT[what], chosen, output, kind)
    tools.progress.say(f"{count:,} {what} exported{f' to {output}' if output else ''}")
    return 0


def format_of(told: str, output: str) -> str:
    """jsonl, csv or parquet; raises ConfigurationError for anything else."""
    kind = told or (_ENDINGS.get(Path(output).suffix, "") if output else "jsonl") or "jsonl"
    if kind not in _COPY:
        raise ConfigurationError(
            f"there is no format {kind!r}", where="--format", todo=f"choose {', '.join(_COPY)}"
        )  # fmt: skip
    return kind


def export(store: Path, model: str, tag: str, chosen: Selection, output: str, kind: str) -> int:
    """Copy a tag's events in the order of time; returns how many."""
    with opened(store, "exporting the feedback", ordered=True) as db:
        rows = source(store, tag, model, chosen.since, tuple(FIELDS[tag]))
        query = f"SELECT * FROM {rows} WHERE {chosen.condition} ORDER BY time_unix, request_id"  # noqa: S608 - quoted
        return write(db, query, output, kind)


def write(db: duckdb.DuckDBPyConnection, query: str, output: str, kind: str) -> int:
    """Write a query's rows to a file (all or nothing) or, for "", to standard output; returns how many."""
    target = Path(output).resolve() if output else None
    try:
        if target:
            target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent if target else None, prefix=".export-") as scratch:
            made = Path(scratch) / "out"
            [count] = db.execute(f"COPY ({query}) TO {quoted(str(made))} ({_COPY[kind]})").fetchone() or (0,)
            if target:
                made.replace(target)
            else:
                with made.open("rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise (
            unwritable(target, error) if target else ToolError(f"cannot be written ({error})", where="output")
        ) from error
    return int(count)
