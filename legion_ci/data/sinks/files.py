"""Files as data sinks: Parquet, CSV and JSON, in the model repository or at any address, replaced as a whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from legion_ci.core.errors import LegionError, ServiceError
from legion_ci.core.files import unwritable
from legion_ci.core.secrets import Secrets
from legion_ci.data import credentials, locations
from legion_ci.data.credentials import Address, Options, Reference
from legion_ci.settings.schema import SinkSettings

if TYPE_CHECKING:
    import pyarrow as pa


class FileSinkSettings(SinkSettings):
    """path: a file of the model repository, or an address (s3://, any that fsspec can write). It is replaced.

    options: of fsspec's file system. credentials: more of them by reference (env:NAME, file:PATH).
    """

    path: Address
    options: Options = Field(default_factory=dict)
    credentials: dict[str, Reference] = Field(default_factory=dict)


class CsvSinkSettings(FileSinkSettings):
    """delimiter: between values."""

    use: str = "csv"
    delimiter: str = Field(default=",", min_length=1, max_length=1)


class JsonSinkSettings(FileSinkSettings):
    """layout: records (one array of objects) or lines (one object a line)."""

    use: str = "json"
    layout: Literal["records", "lines"] = "records"


class FileSink:
    """Writes beside the place, then takes it: a reader sees the old rows or the new ones."""

    Settings: ClassVar[type[SinkSettings]] = FileSinkSettings
    settings: FileSinkSettings

    def __init__(self, name: str, settings: FileSinkSettings, folder: Path) -> None:
        self.name, self.settings, self.folder = name, settings, folder
        self.where = f"sinks.{name}"

    def write(self, tables: Iterator[pa.Table]) -> int:
        """Write the rows into a file of their own, then put it in its place."""
        if locations.remote(self.settings.path):
            with tempfile.TemporaryDirectory() as scratch:
                made = Path(scratch) / "rows"
                count = self._made(made, tables)
                self._put(made)
            return count
        target = self.folder / self.settings.path
        part = target.with_name(f".{target.name}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            count = self._made(part, tables)
            part.replace(target)
        except OSError as error:
            raise unwritable(target, error) from error
        finally:
            part.unlink(missing_ok=True)
        return count

    def encode(self, tables: Iterator[pa.Table], out: IO[bytes]) -> int:
        """Write the rows in the sink's format; returns how many."""
        raise NotImplementedError

    def _made(self, path: Path, tables: Iterator[pa.Table]) -> int:
        with path.open("wb") as out:
            return self.encode(tables, out)

    def _put(self, made: Path) -> None:
        secrets, s = Secrets(), self.settings
        system, inside = locations.file_system(s.path, s.options, s.credentials, secrets, self.where)
        try:
            parent = inside.rpartition("/")[0]
            if parent:
                system.makedirs(parent, exist_ok=True)
            system.put_file(str(made), inside)
        except LegionError:
            raise
        except Exception as error:  # stores have errors of their own kinds
            told = f"cannot be written ({type(error).__name__}: {credentials.said(error, secrets)})"
            raise ServiceError(told, where=f"{self.where}.path", todo="check address and credentials") from None


def _all_written(writer: Any, first: pa.Table, more: Iterator[pa.Table]) -> int:
    """Every piece with the columns of the first; the number of rows."""
    count = 0
    for table in chain((first,), more):
        writer.write_table(table.cast(first.schema))
        count += int(table.num_rows)
    return count


class ParquetSink(FileSink):
    """``use: parquet``."""

    def encode(self, tables: Iterator[pa.Table], out: IO[bytes]) -> int:
        """One row group a piece."""
        from pyarrow import parquet

        first = next(tables)
        with parquet.ParquetWriter(out, first.schema) as writer:
            return _all_written(writer, first, tables)


class CsvSink(FileSink):
    """``use: csv``: a header, then the rows."""

    Settings = CsvSinkSettings

    def encode(self, tables: Iterator[pa.Table], out: IO[bytes]) -> int:
        """UTF-8; null is empty."""
        from pyarrow import csv

        s = self.settings
        assert isinstance(s, CsvSinkSettings)
        first = next(tables)
        with csv.CSVWriter(out, first.schema, write_options=csv.WriteOptions(delimiter=s.delimiter)) as writer:
            return _all_written(writer, first, tables)


class JsonSink(FileSink):
    """``use: json``: an object for each row."""

    Settings = JsonSinkSettings

    def encode(self, tables: Iterator[pa.Table], out: IO[bytes]) -> int:
        """What is not a number (NaN, infinity) is null."""
        import msgspec

        s, count = self.settings, 0
        assert isinstance(s, JsonSinkSettings)
        records = s.layout == "records"
        out.write(b"[" if records else b"")
        for table in tables:
            for row in table.to_pylist():
                out.write((b",\n" if count else b"\n") if records else b"")
                out.write(msgspec.json.encode(row) + (b"" if records else b"\n"))
                count += 1
        out.write(b"\n]\n" if records else b"")
        return count
