"""Files as data sources, read by DuckDB: Parquet, CSV and JSON, in the model repository or at any address."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from legion_ci.core.errors import ConfigurationError, missing_package
from legion_ci.core.files import digest_pairs
from legion_ci.data import arrow, locations
from legion_ci.data.arrow import TypeName
from legion_ci.data.credentials import Address, Options, Reference
from legion_ci.data.snapshots import FetchedSettings, Snapshots
from legion_ci.data.source import unreadable
from legion_ci.settings.schema import DataSettings

if TYPE_CHECKING:
    import pyarrow as pa


def plain_parameters(value: Any) -> Any:
    """Parameters as text where YAML made days or times of them: so they are the same in every process."""
    if isinstance(value, dict):
        return {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in value.items()}
    return value


Parameters = Annotated[dict[str, Any], BeforeValidator(plain_parameters)]


class LocationSettings(FetchedSettings):
    """path: a file or a pattern with * ? [..] of the model repository, or an address (https://, s3://, any that fsspec knows).

    options: of fsspec's file system. credentials: more of them, or headers of http(s), by reference (env:NAME, file:PATH).
    types: columns whose type is not as it was found.
    """

    path: Address
    options: Options = Field(default_factory=dict)
    credentials: dict[str, Reference] = Field(default_factory=dict)
    types: dict[str, TypeName] = Field(default_factory=dict)


class FileSettings(LocationSettings):
    """where: an SQL condition on rows. parameters: values for its ``$names``."""

    where: str | None = None
    parameters: Parameters = Field(default_factory=dict)


class CsvSettings(FileSettings):
    """delimiter: default, as found. decimal: the decimal separator (``,`` in much of Europe)."""

    use: str = "csv"
    delimiter: str | None = Field(default=None, min_length=1, max_length=4)
    decimal: Literal[".", ","] = "."


class JsonSettings(FileSettings):
    """layout: records (one array of objects) or lines (one object a line); default, as found."""

    use: str = "json"
    layout: Literal["auto", "records", "lines"] = "auto"


_DUCKDB = {"integer": "BIGINT", "number": "DOUBLE", "string": "VARCHAR", "boolean": "BOOLEAN", "datetime": "TIMESTAMP"}
_PARAMETER = re.compile(r"'(?:[^']|'')*'|\$([A-Za-z_][A-Za-z0-9_]*)")


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def _bound(condition: str | None, parameters: dict[str, Any], where: str) -> str | None:
    """The condition with its parameters as literals: a view can have none."""

    def literal(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        if match[1] not in parameters:
            raise ConfigurationError(
                f"there is no parameter {match[1]!r}", where=where, todo="give it, or take it out of the condition"
            )
        value = parameters[match[1]]
        return quoted(value) if isinstance(value, str) else json.dumps(value)

    return _PARAMETER.sub(literal, condition) if condition and parameters else condition


class Located:
    """Files by path or address; what is at an address is copied once for all processes of a task."""

    Settings: ClassVar[type[DataSettings]] = LocationSettings

    def __init__(self, name: str, settings: LocationSettings, folder: Path) -> None:
        self.name, self.settings, self.folder = name, settings, folder
        self._as_of = time.time() if settings.as_of is None else settings.as_of

    @property
    def where(self) -> str:
        """The data set's place in the settings."""
        return f"data.{self.name}"

    def files(self) -> list[Path]:
        """The files that the path names, sorted; copies of those at an address."""
        path = self.settings.path
        return self._copies if locations.remote(path) else locations.local(path, self.folder, f"{self.where}.path")

    @cached_property
    def _copies(self) -> list[Path]:
        s = self.settings
        key = json.dumps([s.path, s.options, s.credentials], sort_keys=True, default=str)
        snapshots = Snapshots(self.folder, self.name, key)
        return snapshots.get(
            s, lambda target: locations.fetch(s.path, s.options, s.credentials, target, self.where), self._as_of
        ).files()

    def digest(self) -> str:
        """sha256 of the files' content and of the settings that choose rows and types."""
        files = self.files()
        told = locations.digest_of(files, self.folder)
        if locations.remote(self.settings.path):  # copies: their folder tells when they were made
            told = [(p.name, d) for p, (_, d) in zip(files, told, strict=True)]
        return digest_pairs([*told, *self._choices()])

    def _choices(self) -> list[tuple[str, str]]:
        """Settings on which the rows depend; those without effect are left out."""
        more = self.settings.model_dump(mode="json", exclude=set(LocationSettings.model_fields) - {"types"})
        chosen = {k: v for k, v in more.items() if v and k != "where" and v not in ("auto", ".")}
        found = [("where", str(getattr(self.settings, "where", None) or ""))]
        return found + ([("choices", json.dumps(chosen, sort_keys=True))] if chosen else [])


class _FileSource(Located):
    Settings: ClassVar[type[DataSettings]] = FileSettings
    function: ClassVar[str]
    settings: FileSettings

    def table(self) -> pa.Table:
        """All rows in the order of the files."""
        return arrow.together(list(self.chunks(1 << 20)), self.where)

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """Rows in pieces, read as they are asked for; an empty file is one empty piece."""
        try:
            import duckdb
        except ImportError as error:
            raise missing_package(error, self.where) from error
        s = self.settings
        try:
            with duckdb.connect() as connection:
                reader = connection.sql(self._query(), params=s.parameters or None).to_arrow_reader(rows)
                yield from (arrow.typed(t, s.types, self.where) for t in batches(reader))
        except duckdb.Error as error:
            raise unreadable(self.name, error) from error

    def sql(self) -> str:
        """All rows as one query without parameters, for DuckDB; raises ConfigurationError for parameters that it cannot be told."""
        condition = _bound(self.settings.where, self.settings.parameters, f"{self.where}.parameters")
        return self._typed(self._query(condition))

    def _query(self, where: str | None = None) -> str:
        names = ", ".join(quoted(str(p)) for p in self.files())
        rows = f"SELECT * FROM {self.function}([{names}]{self._options()})"  # noqa: S608 - quoted names
        condition = where or self.settings.where  # the repository's own SQL
        return f"{rows} WHERE {condition}" if condition else rows

    def _typed(self, query: str) -> str:
        names = {c: '"' + c.replace('"', '""') + '"' for c in self.settings.types}
        casts = ", ".join(f"{names[c]}::{_DUCKDB[t]} AS {names[c]}" for c, t in self.settings.types.items())
        return f"SELECT * REPLACE ({casts}) FROM ({query})" if casts else query  # noqa: S608 - quoted names

    def _options(self) -> str:
        return ""


def batches(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """A reader's batches as tables; one empty table when it has no rows."""
    import pyarrow as pa

    empty = True
    for batch in reader:
        if batch.num_rows:
            empty = False
            yield pa.Table.from_batches([batch])
    if empty:
        yield reader.schema.empty_table()


class ParquetSource(_FileSource):
    """``use: parquet``."""

    function = "read_parquet"


class CsvSource(_FileSource):
    """``use: csv``: types are found by DuckDB's sniffer over all files."""

    Settings = CsvSettings
    function = "read_csv_auto"

    def _options(self) -> str:
        s = self.settings
        if not isinstance(s, CsvSettings):
            return ""
        told = {"delim": s.delimiter, "decimal_separator": s.decimal if s.decimal != "." else None}
        return "".join(f", {k}={quoted(v)}" for k, v in told.items() if v)


class JsonSource(_FileSource):
    """``use: json``: records or lines; a value that is no number, word, truth value or time is refused as a feature."""

    Settings = JsonSettings
    function = "read_json_auto"

    def _options(self) -> str:
        layout = self.settings.layout if isinstance(self.settings, JsonSettings) else "auto"
        told = {"auto": "auto", "records": "array", "lines": "newline_delimited"}[layout]
        return f", format='{told}'"
