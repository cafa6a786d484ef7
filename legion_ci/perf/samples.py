"""Rows for the replay: the artefact's samples, or those of a data file, as requests of a protocol."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from legion_ci.core.errors import ConfigurationError, OrderError, missing_package
from legion_ci.perf.requests import Protocol, Request, Row

MOST_ROWS = 10_000
_READERS = ".parquet, .csv, .jsonl or .ndjson"
_BODIES = {"data", "dataframe_split", "dataframe_records", "instances", "inputs"}  # of a whole request body


def requests(sample: Path, data: Path | None, protocol: Protocol) -> list[Request]:
    """Requests of one row each, at most ``MOST_ROWS``.

    sample: ``head_input.json`` of the artefact, which says columns and types. data: a Parquet, CSV or JSON-lines file
    with at least these columns (a JSON line may also be a whole request body), instead of the sample's rows.
    """
    head = _head(sample)
    columns, types = head["columns"], head.get("types", {})
    found: Iterable[Row | bytes] = head["data"] if data is None else islice(_from_file(data, columns, types), MOST_ROWS)
    made = [
        Request(protocol.path, r.decode(), protocol.answer)
        if isinstance(r, bytes)
        else protocol.request(columns, [_plain(v) for v in r], types)
        for r in found
    ]
    if not made:
        raise ConfigurationError(
            "holds no row to send", where=str(data or sample), todo="give perf.data a file with rows"
        )
    return made


def _head(sample: Path) -> dict[str, Any]:
    try:
        head = json.loads(sample.read_bytes())
        return {**head, "columns": list(head["columns"]), "data": list(head["data"])}
    except FileNotFoundError as error:
        raise OrderError(
            "the artefact's sample rows are not there", where=str(sample), todo="run train first"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise OrderError(f"is not a sample of rows ({error})", where=str(sample), todo="run train again") from error


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value


def _from_file(path: Path, columns: list[str], types: dict[str, str]) -> Iterator[Row | bytes]:
    if not path.is_file():
        raise ConfigurationError("the file is not there", where=f"perf.data: {path}", todo=f"give a {_READERS} file")
    readers = {".parquet": _parquet, ".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigurationError(
            f"{path.suffix or path.name!r} cannot be replayed",
            where="perf.data",
            todo=f"give a {_READERS} file",
        )
    return reader(path, columns, types)


def _parquet(path: Path, columns: list[str], types: dict[str, str]) -> Iterator[Row | bytes]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError as error:
        raise missing_package(error, "perf.data") from error
    try:
        file = parquet.ParquetFile(path)
    except ArrowInvalid as error:
        raise ConfigurationError(f"is not a Parquet file ({error})", where=str(path)) from error
    _require(columns, file.schema_arrow.names, path)
    for batch in file.iter_batches(batch_size=1000, columns=columns):
        yield from ([row[c] for c in columns] for row in batch.to_pylist())


def _csv(path: Path, columns: list[str], types: dict[str, str]) -> Iterator[Row | bytes]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        _require(columns, reader.fieldnames or (), path)
        for row in reader:
            yield [_typed(row[c], types.get(c, "string"), f"{path}:{reader.line_num}: {c}") for c in columns]


def _typed(text: str | None, kind: str, where: str) -> Any:
    if text is None or (text == "" and kind != "string"):
        return None
    if kind == "boolean":
        return text.strip().lower() in ("true", "1", "yes")
    try:
        return int(text) if kind == "integer" else float(text) if kind == "number" else text
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is not a {kind}", where=where, todo="correct the row") from error


def _json_lines(path: Path, columns: list[str], types: dict[str, str]) -> Iterator[Row | bytes]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ConfigurationError(f"is not JSON ({error})", where=f"{path}:{number}") from error
            if isinstance(row, dict) and _BODIES & row.keys() and not _BODIES & set(columns):
                yield line.strip()
            else:
                _require(columns, row if isinstance(row, dict) else (), Path(f"{path}:{number}"))
                yield [row[c] for c in columns]


def _require(columns: list[str], found: Iterable[str], where: Path) -> None:
    there = set(found)
    if missing := [c for c in columns if c not in there]:
        raise ConfigurationError(
            f"lacks the model's columns {', '.join(missing)}",
            where=str(where),
            todo=f"it has {', '.join(sorted(there)) or 'none'}",
        )
