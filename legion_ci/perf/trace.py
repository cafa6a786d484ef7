"""Recorded arrivals, to be replayed: when requests came, from a file or from captured traffic."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from legion_ci.core.errors import ConfigurationError

COLUMNS = ("time_unix", "time", "timestamp", "timeStamp")  # the first that is there
_MS_COLUMN = "timeStamp"  # JMeter's: milliseconds


def offsets(moments: Sequence[float], speed: float, where: str) -> list[float]:
    """Seconds from the first arrival, ``speed`` times as fast; raises ConfigurationError for fewer than two moments."""
    if len(moments) < 2 or max(moments) <= min(moments):
        raise ConfigurationError(
            f"holds too few moments to be replayed (found {len(moments)})", where=where, todo="record more requests"
        )
    first = min(moments)
    return [round((m - first) / speed, 6) for m in sorted(moments)]


def read(path: Path) -> list[float]:
    """Moments in seconds, of a file with one a line (a number or ISO 8601), a CSV or JTL, or JSON lines.

    CSV and JSON lines need a column ``time_unix``, ``time`` or ``timestamp``, or JMeter's ``timeStamp``.
    """
    with path.open(newline="", encoding="utf-8") as file:
        readers = {".csv": _csv, ".jtl": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines}
        lines = readers.get(path.suffix.lower(), _plain)(file, path)
        return list(lines)


def _plain(lines: Iterator[str], path: Path) -> Iterator[float]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _moment(line.strip(), f"{path}:{number}")


def _csv(lines: Iterator[str], path: Path) -> Iterator[float]:
    reader = csv.DictReader(lines)
    column = _column(reader.fieldnames or (), path)
    for row in reader:
        moment = _moment(row[column], f"{path}:{reader.line_num}")
        yield moment / 1000 if column == _MS_COLUMN else moment


def _json_lines(lines: Iterator[str], path: Path) -> Iterator[float]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
        except ValueError as error:
            raise ConfigurationError(f"is not JSON ({error})", where=f"{path}:{number}") from error
        column = _column(told if isinstance(told, dict) else (), path)
        yield _moment(str(told[column]), f"{path}:{number}")


def _column(names: object, path: Path) -> str:
    for column in COLUMNS:
        if column in names:  # type: ignore[operator]
            return column
    raise ConfigurationError(f"has none of the columns {', '.join(COLUMNS)}", where=f"perf.trace: {path}")


def _moment(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise ConfigurationError(
            f"{text!r} is no moment", where=where, todo="give seconds or a time such as 2026-01-31T10:00:00Z"
        ) from error
