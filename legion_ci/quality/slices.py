"""Slices: the rows that share a value of a column, found in the data or declared by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from legion_ci.core.errors import Problem
from legion_ci.quality import labels, parts
from legion_ci.quality.metric_settings import Parting

MOST = 1000  # values of a column that is still a set of slices
MISSING = "(missing)"


@dataclass(frozen=True, eq=False)
class Slice:
    """Rows (their numbers, rising) of one value. declared: named in the configuration, so that it has to be there."""

    column: str
    value: str | None
    rows: NDArray[np.intp]
    declared: bool

    @property
    def name(self) -> str:
        """``column=value``; of a condition its own name."""
        return self.column if self.value is None else f"{self.column}={self.value}"


def find(wanted: Mapping[str, Sequence[Any] | Parting], table: pa.Table) -> list[Slice]:
    """All slices of the columns, by value; of a column with named values those only, absent ones without rows."""
    return [s for name, told in wanted.items() for s in _of_entry(name, told, table)]


def _of_entry(name: str, told: Sequence[Any] | Parting, table: pa.Table) -> Iterator[Slice]:
    if isinstance(told, Parting):
        yield from (Slice(name, p.name or None, p.rows, True) for p in parts.of(name, told, table))
    else:
        yield from _of_column(name, told, table.column(name))


def _of_column(column: str, values: Sequence[Any], cells: pa.ChunkedArray) -> Iterator[Slice]:
    names, codes = encoded(cells)
    if not values:
        order = np.argsort(codes, kind="stable")
        members = np.split(order, np.cumsum(np.bincount(codes, minlength=len(names)))[:-1])
        for code in np.argsort(names, kind="stable"):
            yield Slice(column, names[code], members[code], False)
    keys = [labels.key(n) for n in names]
    for value in values:
        known = labels.key(MISSING if value is None else value)
        rows = np.flatnonzero(codes == keys.index(known)) if known in keys else np.empty(0, dtype=np.intp)
        yield Slice(column, str(value), rows, True)


def encoded(cells: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """The names of a column's values, and the number of each row's."""
    encoded = cells.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    names = [str(v) for v in encoded.dictionary.to_pylist()]
    codes = encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False).astype(np.int64)
    return ([*names, MISSING] if cells.null_count else names), codes


def problems(wanted: Mapping[str, Sequence[Any] | Parting], table: pa.Table, where: str) -> list[Problem]:
    """Columns that are not there (with the nearest name) or have too many values to be slices."""
    found = []
    for column, values in wanted.items():
        if isinstance(values, Parting) and (values.where is not None or column in table.column_names):
            found += parts.problems(column, values, table, f"{where}.slices")
        elif column not in table.column_names:
            found.append(no_column(column, table, f"{where}.slices"))
        elif not values and (many := len(table.column(column).unique())) > MOST:
            what = f"the column {column!r} has {many:,} different values, more than {MOST:,} slices"
            found.append(Problem(what, f"{where}.slices", "name the values, or prepare a column with fewer"))
    return found


def no_column(column: str, table: pa.Table, where: str) -> Problem:
    """A column that is not there, with the nearest one that is."""
    near = difflib.get_close_matches(column, table.column_names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(table.column_names)}"
    return Problem(f"there is no column {column!r}", where, hint)
