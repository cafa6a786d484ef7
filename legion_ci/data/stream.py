"""Data sets larger than memory: rows of a source read by DuckDB a piece at a time, within a stated amount of memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import duckdb
import pyarrow as pa

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.data import source
from legion_ci.settings.schema import DataSettings

ROW = "legion_row_number"  # from 0, in the order of the source
_TEXT_BYTES = 32  # of a value whose width is not known
_PART = 4  # of the memory is what one table, or the database, may take
_THREAD_BYTES = 1 << 27  # that DuckDB wants for each thread


@runtime_checkable
class Streamable(Protocol):
    """A source whose rows DuckDB can read by itself."""

    def sql(self) -> str:
        """All rows, as one query without parameters."""


@dataclass(frozen=True, eq=False)
class Stream:
    """All rows of a data set. memory: bytes that reading may take; scratch: where DuckDB puts what does not fit."""

    name: str
    settings: DataSettings
    sql: str
    memory: int
    scratch: Path
    schema: pa.Schema
    n_rows: int

    @contextmanager
    def connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that knows the view ``rows``, with the number of each row in ``legion_row_number``."""
        with _limited(self.memory, self.scratch) as connection:
            connection.execute(f"CREATE VIEW rows AS SELECT *, row_number() OVER () - 1 AS {ROW} FROM ({self.sql})")  # noqa: S608 - the repository's own source
            yield connection

    def batches(self, columns: Sequence[str], rows: int) -> Iterator[pa.Table]:
        """Tables of so many rows (the last one of fewer) in the order of the source; types as ``source.plain`` makes them."""
        named = ", ".join('"' + c.replace('"', '""') + '"' for c in columns)
        with _limited(self.memory, self.scratch) as connection:
            reader = connection.sql(f"SELECT {named} FROM ({self.sql})").to_arrow_reader(min(rows, 1 << 17))  # noqa: S608 - quoted names
            waiting: list[pa.RecordBatch] = []
            for batch in reader:
                waiting.append(batch)
                while sum(b.num_rows for b in waiting) >= rows:
                    table = pa.Table.from_batches(waiting)
                    yield source.plain(table.slice(0, rows))
                    waiting = table.slice(rows).to_batches()
            if waiting:
                yield source.plain(pa.Table.from_batches(waiting))

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Bytes of a row of these columns in memory, about."""
        return max(1, sum(_width(self.schema.field(c).type) for c in columns))

    def value(self, query: str) -> tuple[object, ...]:
        """The first row of a query over ``rows``."""
        with self.connected() as connection:
            return tuple(connection.execute(query).fetchone() or ())


def opened(name: str, settings: DataSettings, folder: Path, memory: int, scratch: Path) -> Stream | None:
    """The data set as a stream where its table would be more than a quarter of ``memory`` bytes; None where it is small.

    Raises ConfigurationError with every problem of its columns, as ``source.load`` does. A source that DuckDB cannot read
    by itself is never streamed.
    """
    made = source.open_source(name, settings, folder)
    if not isinstance(made, Streamable):
        return None
    query = made.sql()
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        with _limited(memory, scratch) as connection:
            head = source.plain(connection.sql(f"SELECT * FROM ({query}) LIMIT 0").to_arrow_table())  # noqa: S608 - see above
            count = connection.execute(f"SELECT count(*) FROM ({query})").fetchone()  # noqa: S608 - see above
    except duckdb.Error as error:
        raise source.unreadable(name, error) from error
    found = Stream(name, settings, query, memory, scratch, head.schema, int(count[0]) if count else 0)
    if found.n_rows * found.row_bytes(head.schema.names) * _PART <= memory:
        return None
    _check(found, head)
    return found


def _check(stream: Stream, head: pa.Table) -> None:
    """ConfigurationError for columns that are not there or cannot be used, and for a target with gaps."""
    target = stream.settings.target
    gaps = int(str(stream.value(_gaps(target, head))[0] or 0)) if target in head.column_names else 0
    problems = list(source.problems(stream.name, stream.settings, head, stream.n_rows, gaps))
    features = source.Dataset(stream.name, head, stream.settings).feature_names if not problems else []
    problems = problems or source.unusable(head.select(features), f"data.{stream.name}")
    if problems:
        raise ConfigurationError(problems)


def _gaps(target: str | None, head: pa.Table) -> str:
    name = '"' + str(target).replace('"', '""') + '"'
    lost = f"NOT isfinite({name})" if pa.types.is_floating(head.column(target).type) else "false"
    return f"SELECT count(*) FILTER ({name} IS NULL OR {lost}) FROM rows"  # noqa: S608 - a quoted name


@contextmanager
def _limited(memory: int, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    most = memory // _PART
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit='{most // (1 << 20)}MiB'")
        connection.execute(f"SET temp_directory='{str(scratch).replace(chr(39), chr(39) * 2)}'")
        threads = connection.execute("SELECT current_setting('threads')").fetchone() or (1,)
        connection.execute(f"SET threads={max(1, min(int(threads[0]), most // _THREAD_BYTES))}")
        connection.execute("SET TimeZone='UTC'")
        try:
            yield connection
        except duckdb.OutOfMemoryException as error:
            raise ToolError(
                f"the rows do not fit into {most / (1 << 20):,.0f} MiB, a quarter of the memory that is allowed "
                f"({str(error).splitlines()[0]})",
                where="data", todo="raise quality.memory, or write the files with smaller row groups",
            ) from error  # fmt: skip


def _width(kind: pa.DataType) -> int:
    try:
        return max(1, int(kind.bit_width) // 8)
    except ValueError:
        return _TEXT_BYTES
