"""Predicts files of CSV, JSON and Parquet into files of the same form, in pieces, so that they may be larger than memory."""

from __future__ import annotations

import csv
import io
import itertools
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.core.files import unwritable
from legion_ci.serving import csv_rows
from legion_ci.serving.model import Model
from legion_ci.serving.predict import of_chunk, require_columns
from legion_ci.serving.predictions import Predictions, encode
from legion_ci.serving.problems import Refused
from legion_ci.serving.protocols import Protocols
from legion_ci.serving.rows import Rows

FORMATS = ("csv", "json", "parquet")
_MOST_JSON = 1 << 30  # bytes: JSON is read whole


def known(path: Path) -> bool:
    """Whether it is a file of one of the formats."""
    return path.is_file() and path.suffix[1:].lower() in FORMATS


def format_of(path: Path | None) -> str:
    """The format that an extension says; raises ConfigurationError when it says none."""
    found = path.suffix[1:].lower() if path else ""
    if found not in FORMATS:
        raise ConfigurationError("has no extension csv, json or parquet", where=str(path or "-"), todo="say --format")
    return found


def predict(model: Model, protocols: Protocols, source: Path | None, target: Path | None, form: str, rows: int) -> None:
    """Predict one file, ``rows`` rows a call; None: standard input or output. Nothing is left at ``target`` after an error.

    Raises Refused when rows do not fit the model, ConfigurationError when the file cannot be read, ToolError when the model fails.
    """
    with ExitStack() as stack:
        given = stack.enter_context(_opened(source))
        out = stack.enter_context(_written(target))
        {"csv": _csv, "json": _json, "parquet": _parquet}[form](model, protocols, given, out, rows)


def _csv(model: Model, protocols: Protocols, given: IO[bytes], out: IO[bytes], rows: int) -> None:
    text = io.TextIOWrapper(given, encoding="utf-8-sig", newline="")
    said = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    writer, first = csv.writer(said, lineterminator="\n"), True
    try:
        for names, start, lines in _pieces(csv.reader(text, strict=True), rows):
            with _from(start):
                values = csv_rows.typed(names, lines, model.signature)
                found = _called(model, protocols.read_table(names, values, "header", "rows"))
            if first:
                writer.writerow(found.columns)
            writer.writerows(found.rows())
            first = False
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigurationError(f"is not CSV in UTF-8 ({error})", where="input") from error
    finally:
        text.detach()
        said.detach()
    if first:
        raise ConfigurationError("has no rows", where="input", todo="give a header with the columns' names, and rows")


def _pieces(lines: Iterator[list[str]], rows: int) -> Iterator[tuple[list[str], int, list[list[str]]]]:
    filled = (line for line in lines if line)
    names, start = next(filled, []), 0
    while piece := list(itertools.islice(filled, rows)):
        yield names, start, piece
        start += len(piece)


def _json(model: Model, protocols: Protocols, given: IO[bytes], out: IO[bytes], rows: int) -> None:
    body = given.read(_MOST_JSON + 1)
    if len(body) > _MOST_JSON:
        raise ConfigurationError(
            "is larger than 1 GiB", where="input", todo="give CSV or Parquet, which are read in pieces"
        )
    listed = body.lstrip()[:1] == b"["  # records
    read = protocols.read_invocations(b'{"dataframe_records":' + body + b"}") if listed else protocols.read_invoke(body)
    pieces = [_called(model, Rows(read.data[i : i + rows], read.names)) for i in range(0, max(len(read.data), 1), rows)]
    columns, found = pieces[0].columns, [row for p in pieces for row in p.rows()]
    if listed:
        out.write(encode([dict(zip(columns, row, strict=True)) for row in found]))
    else:
        out.write(encode({"prediction": found, "columns": columns}))
    out.write(b"\n")


def _parquet(model: Model, protocols: Protocols, given: IO[bytes], out: IO[bytes], rows: int) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(given if given.seekable() else pa.BufferReader(given.read()))
    except pa.ArrowInvalid as error:
        raise ConfigurationError(f"is not a Parquet file ({error})", where="input") from error
    require_columns(model, file.schema_arrow.names)
    writer = None
    for batch in file.iter_batches(rows):
        table = of_chunk(model, pa.Table.from_batches([batch]))
        writer = writer or parquet.ParquetWriter(out, table.schema)
        writer.write_table(table)
    if writer is None:
        raise ConfigurationError("has no rows", where="input")
    writer.close()


def _called(model: Model, rows: Rows) -> Predictions:
    try:
        return model.predict(rows)
    except Exception as error:
        raise ToolError(f"the model failed: {type(error).__name__}: {error}") from error


@contextmanager
def _from(start: int) -> Iterator[None]:
    """Say from which row on problems are counted."""
    try:
        yield
    except Refused:
        if start:
            sys.stderr.write(f"rows are counted from row {start} of the file:\n")
        raise


@contextmanager
def _opened(source: Path | None) -> Iterator[IO[bytes]]:
    if source is None:
        yield sys.stdin.buffer
        return
    try:
        with source.open("rb") as file:
            yield file
    except OSError as error:
        if error.filename != str(source):
            raise
        raise ConfigurationError(f"cannot be read ({error.strerror})", where=str(source)) from error


@contextmanager
def _written(target: Path | None) -> Iterator[IO[bytes]]:
    if target is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as out:
            yield out
        part.replace(target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        part.unlink(missing_ok=True)
