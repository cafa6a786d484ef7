"""DuckDB over the evaluation rows as the table ``rows``: nothing else can be read or written from there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from legion_ci.data.stream import ROW


@contextmanager
def connected(rows: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that knows the table ``rows`` and has no access to files, network or extensions."""
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        connection.execute("SET enable_external_access=false")
        connection.execute("SET TimeZone='UTC'")
        connection.execute("SET lock_configuration=true")
        yield connection


@contextmanager
def numbered(rows: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same with the number of each row, from 0, in ``legion_row_number``."""
    with connected(rows.append_column(ROW, pa.array(range(len(rows)), pa.int64()))) as connection:
        yield connection


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'
