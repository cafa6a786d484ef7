"""The protocol of data sources, and the data set that a source gives: its rows, features and target."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.data import arrow

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from legion_ci.settings.schema import DataSettings


@runtime_checkable
class Source(Protocol):
    """Where rows come from. ``digest`` names exactly the bytes that ``table`` would read."""

    def digest(self) -> str:
        """sha256 of what is read, cheap when nothing changed."""

    def table(self) -> pa.Table:
        """All rows; raises ConfigurationError with every problem when they cannot be read."""


@runtime_checkable
class Chunked(Protocol):
    """A source that need not hold all its rows at once."""

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """The rows of ``table`` in pieces of at most ``rows``; one empty piece when there are none."""


HELD_OUT = "eval"  # what the gate judges on is never shown to training code


def tagged(data: Mapping[str, DataSettings], tag: Literal["train", "test", "predict"]) -> dict[str, DataSettings]:
    """The data sets that a stage may see: those with its tag, and those without any.

    ``eval`` is for ``test`` alone; raises ConfigurationError when it is tagged for training.
    """
    if (held_out := data.get(HELD_OUT)) and "train" in held_out.tags:
        raise ConfigurationError(
            "the gate judges on it, so training may not see it", where=f"data.{HELD_OUT}.tags", todo="take train out, or give the data set another name"
        )  # fmt: skip
    seen = {name: s for name, s in data.items() if tag in s.tags or not s.tags}
    return {name: s for name, s in seen.items() if name != HELD_OUT or tag == "test"}


def open_source(name: str, settings: DataSettings, folder: Path) -> Source:
    """The source that ``data.<name>`` configures; paths in it are relative to ``folder``."""
    plugin = plugins.load("data_sources", settings.use, f"data.{name}.use")
    source: Source = plugin(name, settings, folder)
    return source


@dataclass(frozen=True)
class Dataset:
    """Rows for people's training code: everything, the features, the target.

    features: pandas DataFrame (rows × feature columns). target: pandas Series. For rows that do not fit into memory:
    ``for part in data["train"].chunks(100_000): model.partial_fit(part.features, part.target)``.
    """

    name: str
    rows: pa.Table | Source
    settings: DataSettings

    @cached_property
    def table(self) -> pa.Table:
        """All rows: decimals as float64, dictionaries as their values."""
        return plain(self.rows.table()) if isinstance(self.rows, Source) else self.rows

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All columns as a DataFrame."""
        return self.table.to_pandas()

    @cached_property
    def n_rows(self) -> int:
        """How many rows there are; read in pieces when the data set has ``chunk_rows``."""
        return self.table.num_rows if self.settings.chunk_rows is None else sum(p.n_rows for p in self.chunks())

    @cached_property
    def feature_names(self) -> list[str]:
        """The columns that a model may see, in the order of the table."""
        hidden = {self.settings.target, *self.settings.ignore}
        return list(self.settings.features or (c for c in self._columns() if c not in hidden))

    @property
    def features(self) -> pd.DataFrame:
        """The feature columns."""
        return self.frame[self.feature_names]

    @property
    def target(self) -> pd.Series[Any]:
        """The target column."""
        if self.settings.target is None:
            raise ConfigurationError(
                "no target column is set", where=f"data.{self.name}", todo=f"set data.{self.name}.target"
            )
        return self.frame[self.settings.target]

    def chunks(self, rows: int | None = None) -> Iterator[Dataset]:
        """The same data set in pieces of at most ``rows`` rows (default: chunk_rows, else 50,000), checked as they come."""
        size = rows or self.settings.chunk_rows or arrow.CHUNK_ROWS
        pieces = self.rows.chunks(size) if isinstance(self.rows, Chunked) else arrow.pieces(self.table, size)
        whole, told = self.settings.model_copy(update={"chunk_rows": None}), 0
        for table in pieces:
            part = Dataset(self.name, plain(table), whole)
            told += table.num_rows
            if found := problems(self.name, whole, part.table, told, part.gaps()):
                raise ConfigurationError(found)
            yield part

    def gaps(self) -> int:
        """Rows without a target."""
        target = self.settings.target
        return _gaps(self.table.column(target)) if target in self.table.column_names else 0

    def first(self) -> pa.Table:
        """Its first rows, which tell columns and types; no more are read when the data set has ``chunk_rows``."""
        return self.table if self.settings.chunk_rows is None else next(self.chunks()).table

    def _columns(self) -> list[str]:
        return list(self.first().column_names)


def load(name: str, settings: DataSettings, folder: Path) -> Dataset:
    """Read a data set and check it against its settings: not empty, columns there and usable, target without gaps.

    Decimal columns come as float64 and dictionary columns as what is in their dictionary: what a request can carry. With
    ``chunk_rows`` only the first piece is read and checked here, the others as they come.
    """
    found = Dataset(name, open_source(name, settings, folder), settings)
    table = found.first()
    gaps = found.gaps() if settings.chunk_rows is None else 0
    wrong = problems(name, settings, table, table.num_rows, gaps)
    if wrong := wrong or unusable(table.select(found.feature_names), f"data.{name}"):
        raise ConfigurationError(wrong)
    return found


def unreadable(name: str, error: Exception) -> ConfigurationError:
    """A source that DuckDB cannot read."""
    return ConfigurationError(
        f"cannot be read ({str(error).splitlines()[0]})", where=f"data.{name}", todo="check path, format, where and parameters"
    )  # fmt: skip


def plain(table: pa.Table) -> pa.Table:
    """The table with decimals as float64 and dictionaries as their values."""
    import pyarrow as pa

    def kind(field: pa.Field) -> pa.DataType:
        if pa.types.is_dictionary(field.type):
            return field.type.value_type
        return pa.float64() if pa.types.is_decimal(field.type) else field.type

    return table.cast(pa.schema([f.with_type(kind(f)) for f in table.schema]))


def unusable(features: pa.Table, where: str) -> list[Problem]:
    """Features of a type that no request can carry."""
    import pyarrow.types as t

    tests = (
        t.is_boolean,
        t.is_integer,
        t.is_floating,
        t.is_string,
        t.is_large_string,
        t.is_timestamp,
        t.is_date,
        t.is_null,
    )
    return [
        Problem(
            f"the feature {field.name!r} has the type {field.type}, which no request can carry",
            where,
            "convert it when preparing the data, or list it under ignore",
        )
        for field in features.schema
        if not any(test(field.type) for test in tests)
    ]


def problems(name: str, settings: DataSettings, table: pa.Table, n_rows: int, gaps: int) -> list[Problem]:
    """What is wrong with a data set of ``n_rows`` rows; of ``table`` only the columns count. gaps: rows without a target."""
    where = f"data.{name}"
    found = [] if n_rows else [Problem("the data set is empty (0 rows)", where, "check its path and its filter")]
    named = [
        ("target", [settings.target] if settings.target else []),
        ("ignore", settings.ignore),
        ("features", settings.features or ()),
    ]
    for key, columns in named:
        for column in columns:
            if column not in table.column_names:
                near = difflib.get_close_matches(column, table.column_names, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(table.column_names)}"
                found.append(Problem(f"there is no column {column!r}", f"{where}.{key}", hint))
    if gaps:
        found.append(
            Problem(
                f"the target {settings.target!r} is missing in {gaps:,} of {n_rows:,} rows",
                where,
                "drop those rows when preparing the data",
            )
        )
    return found


def _gaps(column: pa.ChunkedArray) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = int(column.null_count)
    if pa.types.is_floating(column.type):
        missing += int(pc.sum(pc.is_nan(column)).as_py() or 0)
    return missing
