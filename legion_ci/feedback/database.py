"""One DuckDB in memory over a feedback store, with its errors told as ours."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from legion_ci.core.errors import ToolError, missing_package
from legion_ci.feedback import access
from legion_ci.feedback.events import MEMORY, THREADS

if TYPE_CHECKING:
    import duckdb


@contextlib.contextmanager
def opened(store: Path, what: str, *, ordered: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection; while it is open no file of the store is taken away.

    what: is done with the store, for people. ordered: keep the order of rows in what is written.
    """
    with access.reading(store), connected(f"{store}: {what}", ordered=ordered) as db:
        yield db


@contextlib.contextmanager
def connected(what: str, *, ordered: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that holds nothing back from being taken away."""
    try:
        import duckdb
    except ImportError as error:
        raise missing_package(error, "feedback") from error
    with duckdb.connect() as db:
        kept = "true" if ordered else "false"
        db.execute(f"SET threads={min(THREADS, os.cpu_count() or 1)}")
        db.execute(f"SET memory_limit='{MEMORY}'; SET preserve_insertion_order={kept}; SET TimeZone='UTC'")
        try:
            yield db
        except duckdb.Error as error:
            raise ToolError(f"{what} failed ({error})") from error
