"""The protocol of data sources, and the data set that a source gives: a table, its features and its target."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from legion_ci.settings.schema import DataSettings


class Source(Protocol):
    """Where rows come from. ``digest`` names exactly the bytes that ``table`` would read."""

    def digest(self) -> str:
        """sha256 of what is read, cheap when nothing changed."""

    def table(self) -> pa.Table:
        """All rows; raises ConfigurationError with every problem when they cannot be read."""


def open_source(name: str, settings: DataSettings, folder: Path) -> Source:
    """The source that ``data.<name>`` configures; paths in it are relative to ``folder``."""
    plugin = plugins.load("data_sources", settings.use, f"data.{name}.use")
    source: Source = plugin(name, settings, folder)
    return source


@dataclass(frozen=True)
class Dataset:
    """Rows for people's training code: everything, the features, the target.

    features: pandas DataFrame (rows × feature columns). target: pandas Series.
    """

    name: str
    table: pa.Table
    settings: DataSettings

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All columns as a DataFrame."""
        return self.table.to_pandas()

    @property
    def feature_names(self) -> list[str]:
        """The columns that a model may see, in the order of the table."""
        hidden = {self.settings.target, *self.settings.ignore}
        return list(self.settings.features or (c for c in self.table.column_names if c not in hidden))

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


def load(name: str, settings: DataSettings, folder: Path) -> Dataset:
    """Read a data set and check it against its settings: not empty, columns there and usable, target without gaps.

    Decimal columns come as float64 and dictionary columns as what is in their dictionary: what a request can carry.
    """
    table = plain(open_source(name, settings, folder).table())
    found = Dataset(name, table, settings)
    problems = list(_problems(name, settings, table)) or unusable(table.select(found.feature_names), f"data.{name}")
    if problems:
        raise ConfigurationError(problems)
    return found


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


def _problems(name: str, settings: DataSettings, table: pa.Table) -> list[Problem]:
    where = f"data.{name}"
    problems = (
        [] if table.num_rows else [Problem("the data set is empty (0 rows)", where, "check its path and its filter")]
    )
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
                problems.append(Problem(f"there is no column {column!r}", f"{where}.{key}", hint))
    if settings.target in table.column_names and (gaps := _gaps(table.column(settings.target))):
        problems.append(
            Problem(
                f"the target {settings.target!r} is missing in {gaps:,} of {table.num_rows:,} rows",
                where,
                "drop those rows when preparing the data",
            )
        )
    return problems


def _gaps(column: pa.ChunkedArray) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = int(column.null_count)
    if pa.types.is_floating(column.type):
        missing += int(pc.sum(pc.is_nan(column)).as_py() or 0)
    return missing
