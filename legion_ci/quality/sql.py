"""DuckDB over the evaluation rows as the table ``rows``: nothing else can be read or written from there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa


@contextmanager
def connected(rows: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that knows the table ``rows`` and has no access to files, network or extensions."""
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        connection.execute("SET enable_external_access=false")
        connection.execute("SET TimeZone='UTC'")
        connection.execute("SET lock_configuration=true")
        yield connection


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'
