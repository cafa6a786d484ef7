"""Queries as data sources: the rows of an answer are kept as a snapshot, so that their digest is of what is trained on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from legion_ci.core.errors import missing_package
from legion_ci.data import arrow
from legion_ci.data.arrow import CHUNK_ROWS, RowDigest, TypeName
from legion_ci.data.files import Parameters, quoted
from legion_ci.data.snapshots import FetchedSettings, Snapshot, Snapshots
from legion_ci.settings.schema import DataSettings

if TYPE_CHECKING:
    import pyarrow as pa


class QuerySettings(FetchedSettings):
    """parameters: values that are bound to the query's names, never put into its text. types: of columns whose type is not as found."""

    parameters: Parameters = Field(default_factory=dict)
    types: dict[str, TypeName] = Field(default_factory=dict)


class QuerySource:
    """A query whose answer is fetched in pieces into Parquet files. A subclass asks it."""

    Settings: ClassVar[type[DataSettings]] = QuerySettings

    def __init__(self, name: str, settings: QuerySettings, folder: Path) -> None:
        self.name, self.settings, self.folder = name, settings, folder
        self._as_of = time.time() if settings.as_of is None else settings.as_of

    @property
    def where(self) -> str:
        """The data set's place in the settings."""
        return f"data.{self.name}"

    def answer(self) -> Iterator[pa.Table]:
        """Ask the query now; its rows in pieces of ``CHUNK_ROWS``, at least one piece."""
        raise NotImplementedError

    def place(self) -> str:
        """What names the database besides the settings, without a password."""
        return ""

    def digest(self) -> str:
        """sha256 of names, types and values of all rows in their order."""
        return self._snapshot.digest

    def table(self) -> pa.Table:
        """All rows of the snapshot."""
        return arrow.together(list(self._parts()), self.where)

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """The snapshot's rows in pieces; one part of it is in memory at a time."""
        schema = arrow.together([p.slice(0, 0) for p in self._parts()], self.where).schema
        for part in self._parts():
            yield from arrow.pieces(part.cast(schema), rows)

    def sql(self) -> str:
        """The snapshot's rows as one query, for DuckDB."""
        parts = ", ".join(quoted(str(p)) for p in self._snapshot.files())
        return f"SELECT * FROM read_parquet([{parts}], union_by_name = true)"  # noqa: S608 - quoted names

    def _parts(self) -> Iterator[pa.Table]:
        from pyarrow import parquet

        return (parquet.read_table(path) for path in self._snapshot.files())

    @cached_property
    def _snapshot(self) -> Snapshot:
        own = self.settings.model_dump(mode="json", exclude=set(FetchedSettings.model_fields) - {"use"})
        snapshots = Snapshots(self.folder, self.name, json.dumps([own, self.place()], sort_keys=True, default=str))
        return snapshots.get(self.settings, self._fetch, self._as_of)

    def _fetch(self, target: Path) -> str:
        try:
            from pyarrow import parquet
        except ImportError as error:
            raise missing_package(error, self.where) from error
        digest = RowDigest()
        tables = (arrow.typed(t, self.settings.types, self.where) for t in self.answer())
        for index, table in enumerate(arrow.fed(tables, digest)):
            parquet.write_table(table, target / f"part-{index:06d}.parquet")
        return digest.hexdigest()


__all__ = ["CHUNK_ROWS", "QuerySettings", "QuerySource"]
