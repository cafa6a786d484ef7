"""Parquet and CSV files as data sources, by path or pattern, read by DuckDB; digests are kept beside size and time."""

from __future__ import annotations

import difflib
import glob
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from legion_ci.core.digests import DigestCache
from legion_ci.core.errors import ConfigurationError, missing_package
from legion_ci.core.files import digest_pairs
from legion_ci.settings.schema import DataSettings

if TYPE_CHECKING:
    import pyarrow as pa


class FileSettings(DataSettings):
    """path: one file or a pattern with * ? [..], relative to the model repository. where: an SQL condition on rows."""

    path: str
    where: str | None = None


class _FileSource:
    Settings: ClassVar[type[DataSettings]] = FileSettings
    function: ClassVar[str]

    def __init__(self, name: str, settings: FileSettings, folder: Path) -> None:
        self.name, self.settings, self.folder = name, settings, folder

    def files(self) -> list[Path]:
        """The files that the path names, sorted."""
        pattern = str(self.folder / self.settings.path)
        found = sorted(Path(p) for p in glob.glob(pattern, recursive=True) if Path(p).is_file())  # noqa: PTH207 - absolute patterns
        if not found:
            raise ConfigurationError(
                f"no file matches {self.settings.path!r}", where=f"data.{self.name}.path", todo=self._near()
            )
        return found

    def _near(self) -> str:
        parent = (self.folder / self.settings.path).parent
        if not parent.is_dir():
            return f"there is no folder {parent.name!r}; prepare the data first"
        names = sorted(p.name for p in parent.iterdir() if p.is_file())
        near = difflib.get_close_matches(Path(self.settings.path).name, names, n=1, cutoff=0.4)
        return f"did you mean {near[0]}?" if near else "the folder holds " + (", ".join(names[:5]) or "no files")

    def digest(self) -> str:
        cache = DigestCache(self.folder)
        parts = [
            (p.relative_to(self.folder).as_posix() if p.is_relative_to(self.folder) else p.name, cache.file(p))
            for p in self.files()
        ]
        return digest_pairs([*parts, ("where", self.settings.where or "")])

    def table(self) -> pa.Table:
        try:
            import duckdb
        except ImportError as error:
            raise missing_package(error, f"data.{self.name}") from error
        names = [str(p) for p in self.files()]
        condition = f" WHERE {self.settings.where}" if self.settings.where else ""
        query = f"SELECT * FROM {self.function}(?){condition}"  # noqa: S608 - the condition is the repository's own setting
        try:
            with duckdb.connect() as connection:
                return connection.sql(query, params=[names]).to_arrow_table()
        except duckdb.Error as error:
            raise ConfigurationError(
                f"cannot be read ({str(error).splitlines()[0]})",
                where=f"data.{self.name}",
                todo="check path, format and where",
            ) from error


class ParquetSource(_FileSource):
    """``use: parquet``."""

    function = "read_parquet"


class CsvSource(_FileSource):
    """``use: csv``: types are found by DuckDB's sniffer over all files."""

    function = "read_csv_auto"
