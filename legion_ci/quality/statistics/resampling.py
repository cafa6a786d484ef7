"""Sums over resampled rows: exact multinomial resampling, streamed in pieces of rows and replicates, seeded.

Memory does not grow with rows or replicates. A piece's row count is drawn first (multinomial), then rows inside it,
which is the same law as drawing all rows at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Table = NDArray[np.floating]
Columns = Callable[[int, int], Table]  # first row, end row -> (rows, q)

_ROWS = 1 << 14  # of a piece, so that it stays in the processor's cache
_NARROW = 12  # columns up to which fetching values beats counting rows
_REPLICATES = {True: 16, False: 64}  # of a piece, for narrow tables and for wide ones


def resampled_sums(n: int, columns: Columns, replicates: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Sums of the columns over n rows drawn with replacement, some replicates (…, q) at a time until all are done."""
    narrow = columns(0, 1).shape[1] <= _NARROW
    add, most = _fetched if narrow else _counted, _REPLICATES[narrow]
    starts = np.arange(0, n, _ROWS)
    sizes = np.minimum(starts + _ROWS, n) - starts
    for first in range(0, replicates, most):
        count = min(most, replicates - first)
        drawn = rng.multinomial(n, sizes / n, size=count)
        total: Table | float = 0.0
        for piece, start in enumerate(starts):
            table = columns(int(start), int(start + sizes[piece]))
            rows = rng.integers(0, len(table), size=int(drawn[:, piece].sum()), dtype=np.int32)
            total = total + add(table, rows, drawn[:, piece])
        yield np.asarray(total, dtype=np.float64)


def _fetched(table: Table, rows: NDArray[np.int32], drawn: NDArray[np.int64]) -> Table:
    """Sums by fetching every drawn value; rows: those of all replicates in turn, drawn: how many each has."""
    begins = np.cumsum(drawn) - drawn
    sums = np.empty((len(drawn), table.shape[1]))
    for c in range(table.shape[1]):
        values = np.append(np.ascontiguousarray(table[:, c]).take(rows), 0.0)  # the 0 is for replicates without a row
        sums[:, c] = np.where(drawn > 0, np.add.reduceat(values, begins), 0.0)
    return sums


def _counted(table: Table, rows: NDArray[np.int32], drawn: NDArray[np.int64]) -> Table:
    """The same by counting how often each row was drawn: one pass for any number of columns."""
    size = len(table)
    places = rows + np.repeat(np.arange(len(drawn), dtype=np.int32) * np.int32(size), drawn)
    counts = np.bincount(places, minlength=len(drawn) * size).reshape(len(drawn), size)
    product: Table = counts.astype(table.dtype) @ table
    return product
