"""Rows disturbed in a way that is the same every time: noise, missing values, permuted and out-of-range features."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

FAR = 10.0  # ranges beyond the largest and below the smallest value
UNSEEN = "value never seen before"


def numeric(columns: Sequence[str], table: pa.Table) -> list[str]:
    """The columns of numbers."""
    kinds = {c: table.column(c).type for c in columns}
    return [c for c, kind in kinds.items() if pa.types.is_integer(kind) or pa.types.is_floating(kind)]


def noise(table: pa.Table, columns: Sequence[str], size: float, seed: int) -> pa.Table:
    """Normal noise of ``size`` standard deviations on every number; whole numbers stay whole."""

    def noisy(cells: pa.ChunkedArray, rng: np.random.Generator) -> pa.Array:
        values = cells.cast(pa.float64()).to_numpy().astype(np.float64)
        spread = float(np.nanstd(np.where(np.isfinite(values), values, np.nan))) if len(values) else 0.0
        return _typed(values + rng.normal(0, 1, len(values)) * size * spread, cells)

    return _changed(table, numeric(columns, table), noisy, seed, "noise")


def missing(table: pa.Table, columns: Sequence[str], share: float, seed: int) -> pa.Table:
    """That share of each column's values taken away."""

    def holed(cells: pa.ChunkedArray, rng: np.random.Generator) -> pa.Array:
        return pc.if_else(pa.array(_chosen(len(cells), share, rng)), pa.scalar(None, cells.type), cells)

    return _changed(table, columns, holed, seed, "missing")


def permuted(table: pa.Table, column: str, share: float, seed: int) -> pa.Table:
    """The values of that share of rows, exchanged among them."""

    def mixed(cells: pa.ChunkedArray, rng: np.random.Generator) -> pa.Array:
        rows = np.flatnonzero(_chosen(len(cells), share, rng))
        places = np.arange(len(cells))
        places[rows] = rng.permutation(rows)
        return cells.take(pa.array(places))

    return _changed(table, [column], mixed, seed, "permuted")


def out_of_range(table: pa.Table, columns: Sequence[str], share: float, seed: int) -> pa.Table:
    """In that share of rows, numbers ten ranges beyond the largest or below the smallest, and text never seen."""

    def beyond(cells: pa.ChunkedArray, rng: np.random.Generator) -> pa.Array:
        chosen = _chosen(len(cells), share, rng)
        if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
            return pc.if_else(pa.array(chosen), pa.scalar(UNSEEN, cells.type), cells)
        values = cells.cast(pa.float64()).to_numpy().astype(np.float64)
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
        reach = FAR * max(high - low, abs(high), 1.0)
        far = np.where(rng.random(len(values)) < 0.5, low - reach, high + reach)
        return _typed(np.where(chosen, far, values), cells)

    kinds = {c: table.column(c).type for c in columns}
    text = [c for c, kind in kinds.items() if pa.types.is_string(kind) or pa.types.is_large_string(kind)]
    return _changed(table, [*numeric(columns, table), *text], beyond, seed, "out of range")


Change = Callable[[pa.ChunkedArray, np.random.Generator], pa.Array]


def _changed(table: pa.Table, columns: Sequence[str], change: Change, seed: int, kind: str) -> pa.Table:
    for column in columns:
        rng = np.random.default_rng((seed & 0xFFFFFFFF, zlib.crc32(f"{kind} {column}".encode())))
        table = table.set_column(table.column_names.index(column), column, change(table.column(column), rng))
    return table


def _chosen(n: int, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    return np.asarray(rng.random(n) < share)


def _typed(values: NDArray[np.float64], cells: pa.ChunkedArray) -> pa.Array:
    """Numbers in the column's own type, within what it can hold; missing ones stay missing."""
    if pa.types.is_floating(cells.type):
        return pa.array(values, pa.float64(), mask=np.asarray(cells.is_null())).cast(cells.type)
    ends = np.iinfo(cells.type.to_pandas_dtype())
    whole = np.clip(np.round(np.nan_to_num(values)), max(ends.min, -(2.0**53)), min(ends.max, 2.0**53))
    return pa.array(whole.astype(np.int64), pa.int64(), mask=np.asarray(cells.is_null())).cast(cells.type)
