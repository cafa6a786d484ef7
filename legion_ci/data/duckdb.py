"""DuckDB queries as a data source: over files of the model repository, or a DuckDB database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from legion_ci.core.errors import ConfigurationError, missing_package
from legion_ci.data import arrow
from legion_ci.data.files import batches
from legion_ci.data.queries import CHUNK_ROWS, QuerySettings, QuerySource
from legion_ci.settings.schema import DataSettings

if TYPE_CHECKING:
    import pyarrow as pa


class DuckdbSettings(QuerySettings):
    """query: with ``$names`` of parameters; paths in it are relative to the model repository. database: a file, opened to read."""

    use: str = "duckdb"
    query: str
    database: str | None = None


class DuckdbSource(QuerySource):
    """``use: duckdb``: joins, windows and sums over files, answered on this machine; the answer is kept with its digest."""

    Settings: ClassVar[type[DataSettings]] = DuckdbSettings
    settings: DuckdbSettings

    def answer(self) -> Iterator[pa.Table]:
        """Ask DuckDB; it may use the disk when the answer is large."""
        try:
            import duckdb
        except ImportError as error:
            raise missing_package(error, self.where) from error
        s = self.settings
        path = str(self.folder / s.database) if s.database else ":memory:"
        try:
            with duckdb.connect(path, read_only=s.database is not None) as connection:
                connection.execute("SET file_search_path = $1", [str(self.folder.resolve())])
                found = connection.sql(s.query, params=s.parameters or None)
                if found is None:
                    raise ConfigurationError("gives no rows", where=f"{self.where}.query", todo="write a SELECT")
                yield from arrow.rebatched(batches(found.to_arrow_reader(CHUNK_ROWS)), CHUNK_ROWS)
        except duckdb.Error as error:
            what = f"DuckDB refused ({str(error).splitlines()[0]})"
            raise ConfigurationError(what, where=self.where, todo="check query, parameters and database") from error
