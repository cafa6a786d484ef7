"""Batch prediction of an Arrow file: ``python -m legion_ci.serving.predict --model DIR --input FILE --output FILE``."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from legion_ci.core.errors import ConfigurationError, LegionError, ToolError, missing_package
from legion_ci.core.files import unwritable
from legion_ci.serving import artefact, imports
from legion_ci.serving.load import load
from legion_ci.serving.model import Model

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 50_000


def main(arguments: list[str]) -> int:
    """Predict the file; 0, or 1 with the reason in the last line of standard error."""
    imports.forget_working_folder()
    told = _parser().parse_args(arguments)
    try:
        predict_file(told.model, told.input, told.output)
    except LegionError as error:
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        sys.stderr.write("; ".join(" ".join(str(p).split()) for p in error.problems) + "\n")
        return 1
    return 0


def predict_file(model_folder: Path, source: Path, target: Path) -> int:
    """Predict every row of ``source`` (Arrow IPC file) into ``target``; returns the number of rows.

    Extra columns are ignored. Raises LegionError: columns missing, the model failed, a file cannot be read or written.
    Nothing is left at ``target`` then.
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise missing_package(error, "prediction of files") from error
    folder = replace(artefact.read(model_folder, digest="not needed"), accelerated=None)
    model = load(folder)
    try:
        with pa.memory_map(str(source)) as file:
            return _write(model, folder.model_dir, pa.ipc.open_file(file), target)
    except FileNotFoundError as error:
        raise ConfigurationError("there is no such file", where=str(source), todo="name an Arrow IPC file") from error
    except pa.ArrowInvalid as error:
        raise ConfigurationError(f"is not an Arrow IPC file ({error})", where=str(source)) from error


def _write(model: Model, model_dir: Path, reader: pa.ipc.RecordBatchFileReader, target: Path) -> int:
    import pyarrow as pa

    require_columns(model, reader.schema.names)
    part = target.with_name(f".{target.name}.part")
    try:
        with pa.OSFile(str(part), "wb") as out:
            count = _write_tables(_predicted(model, model_dir, reader), out)
        part.replace(target)
        return count
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        part.unlink(missing_ok=True)


def _write_tables(tables: Iterator[pa.Table], out: pa.NativeFile) -> int:
    import pyarrow as pa

    first = next(tables)
    with pa.ipc.new_file(out, first.schema) as writer:
        writer.write_table(first)
        count = int(first.num_rows)
        for table in tables:
            try:
                writer.write_table(table.cast(first.schema))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
                raise ToolError(f"the model's predictions change their type between rows ({error})") from error
            count += table.num_rows
    return count


def _predicted(model: Model, model_dir: Path, reader: pa.ipc.RecordBatchFileReader) -> Iterator[pa.Table]:
    """Tables of predictions, chunk by chunk; for an input without rows one that is empty."""
    chunks = (c for i in range(reader.num_record_batches) for c in _chunks(reader.get_batch(i)))
    empty = True
    for chunk in chunks:
        empty = False
        yield of_chunk(model, chunk)
    if empty:
        yield of_chunk(model, _sample(model_dir)).slice(0, 0)


def of_chunk(model: Model, chunk: pa.Table) -> pa.Table:
    """Predictions of a table; raises ToolError with the model's own error and the likeliest reason."""
    try:
        return model.predict_table(chunk).table()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        reason = f"the model failed: {type(error).__name__}: {error}"
        raise ToolError(reason + _gaps(model, chunk)) from error


def _chunks(batch: pa.RecordBatch) -> Iterator[pa.Table]:
    import pyarrow as pa

    table = pa.Table.from_batches([batch])
    yield from (table.slice(start, CHUNK_ROWS) for start in range(0, table.num_rows, CHUNK_ROWS))


def _sample(model_dir: Path) -> pa.Table:
    """A row that the model can predict, to learn the types of its predictions."""
    from pyarrow import parquet

    path = model_dir / "head_input.parquet"
    if not path.is_file():
        raise ConfigurationError(
            "the input has no rows, and there is no sample that tells the columns of its predictions"
        )
    return parquet.read_table(path).slice(0, 1)


def require_columns(model: Model, names: list[str]) -> None:
    """Raise ConfigurationError when a column that the model takes is not among the names."""
    wanted = model.signature.names if model.signature else ()
    if lacking := [name for name in wanted if name not in names]:
        raise ConfigurationError(
            f"the input lacks the model's columns {', '.join(lacking)}", todo=f"it has {', '.join(names) or 'none'}"
        )


def _gaps(model: Model, chunk: pa.Table) -> str:
    """Which columns have missing values that had none in training: the likeliest reason why a model fails."""
    import pyarrow.compute as pc

    columns = model.signature.columns if model.signature else ()
    found = [
        c.name for c in columns if not c.nullable and pc.any(pc.is_null(chunk.column(c.name), nan_is_null=True)).as_py()
    ]
    return f" (missing values, though there were none in training, in {', '.join(found)})" if found else ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m legion_ci.serving.predict", description="Predict an Arrow file.")
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="the artefact folder")
    parser.add_argument("--input", type=Path, required=True, metavar="FILE", help="an Arrow IPC file")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="where the predictions go")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
