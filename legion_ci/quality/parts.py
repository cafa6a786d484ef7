"""Slices that are not a column's values: bins of numbers and conditions in SQL, validated before anything is predicted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from legion_ci.core.errors import Problem
from legion_ci.quality.metric_settings import Parting
from legion_ci.quality.sql import connected


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one bin or condition; a condition's has no name but its entry's."""

    name: str
    rows: NDArray[np.intp]


def of(name: str, told: Parting, table: pa.Table) -> Iterator[Part]:
    """The parts of one entry: every bin, or the rows that fulfil the condition."""
    if told.where is not None:
        yield Part("", np.flatnonzero(_fulfilled(told.where, table)))
        return
    values = table.column(name).cast(pa.float64()).to_numpy().astype(np.float64)
    cuts = edges(told.bins, table.column(name))
    for low, high in zip([-np.inf, *cuts], [*cuts, np.inf], strict=True):
        inside = (values > low) & (values <= high)
        text = f"≤ {high:g}" if low == -np.inf else f"> {low:g}" if high == np.inf else f"{low:g} – {high:g}"
        yield Part(text, np.flatnonzero(inside))


def problems(name: str, told: Parting, table: pa.Table, where: str) -> list[Problem]:
    """A column that is not one of numbers, a condition that DuckDB does not understand."""
    if told.where is not None:
        return _condition_problems(name, told.where, table, where)
    kind = table.column(name).type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return [
            Problem(
                f"bins are of numbers, and the column {name!r} is {kind}",
                where,
                "leave bins out: each value is a slice",
            )
        ]
    return []


def edges(bins: Any, column: pa.ChunkedArray) -> list[float]:
    """Where bins are cut: at quantiles when only their number is given."""
    if isinstance(bins, int):
        values, shares = column.cast(pa.float64()).to_numpy(), np.linspace(0, 1, bins + 1)[1:-1]
        return [float(e) for e in np.unique(np.quantile(values[np.isfinite(values)], shares))]
    return sorted(float(e) for e in bins)


def _fulfilled(condition: str, table: pa.Table) -> NDArray[np.bool_]:
    with connected(table) as connection:
        found = connection.sql(f"SELECT coalesce(({condition}), false) AS inside FROM rows").to_arrow_table()  # noqa: S608 - the repository's own setting, without access to anything but these rows
    return np.asarray(found.column("inside").to_numpy(), dtype=bool)


def _condition_problems(name: str, condition: str, table: pa.Table, where: str) -> list[Problem]:
    """One boolean expression a row: no second statement, no total over rows, nothing else than these columns."""
    todo = "write a condition on columns, such as distance > 1000"
    try:
        query = f"SELECT ({condition}) AS inside FROM rows"  # noqa: S608 - see above
        if len(duckdb.extract_statements(query)) != 1:
            return [Problem(f"the slice {name!r} is more than one statement", where, todo)]
        with connected(table) as connection:
            relation = connection.sql(query)
            kind, count = str(relation.types[0]), len(relation.to_arrow_table())
    except duckdb.Error as error:
        return [Problem(f"the slice {name!r} is no condition ({str(error).splitlines()[0]})", where, todo)]
    if kind != "BOOLEAN" or count != len(table):
        return [
            Problem(f"the slice {name!r} gives {count:,} values of {kind}, not true or false for each row", where, todo)
        ]
    return []
