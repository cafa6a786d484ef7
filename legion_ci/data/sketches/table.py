"""The sketch of a table: one column's numbers or values each, and how many are missing. Streams by Arrow batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from legion_ci.data.sketches.counts import Counts
from legion_ci.data.sketches.quantiles import Quantiles

SCHEMA_VERSION = 1
_SECOND = 1_000_000


@dataclass
class ColumnSketch:
    """values: numbers and times (seconds since 1970, UTC) as quantiles, all else as counts. missing: null and NaN.

    Infinite numbers count as missing: they have a rank but no distance.
    """

    values: Quantiles | Counts
    missing: int = 0

    @property
    def is_numeric(self) -> bool:
        """Whether the column is one of numbers."""
        return isinstance(self.values, Quantiles)

    @property
    def n(self) -> int:
        """Rows, missing ones included."""
        return self.values.n + self.missing

    def update(self, cells: pa.Array | pa.ChunkedArray) -> None:
        """Take in cells of the column; a column of the other kind is an error of the caller (TypeError)."""
        if _is_numeric(cells.type) != self.is_numeric and not pa.types.is_null(cells.type):
            raise TypeError(
                f"the sketch is of {'numbers' if self.is_numeric else 'values'}, the cells are {cells.type}"
            )
        if isinstance(self.values, Quantiles):
            numbers = _numbers(cells)
            finite = numbers[np.isfinite(numbers)]
            self.missing += len(numbers) - len(finite)
            self.values.update(finite)
        else:
            self.missing += cells.null_count
            counted = pc.value_counts(cells.drop_null())
            pairs = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
            self.values.update({str(v): int(c) for v, c in pairs})

    def merge(self, other: ColumnSketch) -> None:
        """Take in all that another sketch of the column has seen."""
        self.missing += other.missing
        match self.values, other.values:
            case Quantiles() as own, Quantiles() as more:
                own.merge(more)
            case Counts() as counted, Counts() as others:
                counted.merge(others)
            case _:
                raise TypeError("a sketch of numbers and one of values cannot be merged")


@dataclass
class TableSketch:
    """Column name → sketch. The same batches in the same order give the same bytes."""

    columns: dict[str, ColumnSketch] = field(default_factory=dict)

    @classmethod
    def of(cls, batches: Iterable[pa.RecordBatch | pa.Table]) -> TableSketch:
        """Of all rows of the batches."""
        found = cls()
        for batch in batches:
            found.update(batch)
        return found

    def update(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Take in rows."""
        for name in batch.schema.names:
            cells = batch.column(name)
            if name not in self.columns:
                self.columns[name] = ColumnSketch(Quantiles() if _is_numeric(cells.type) else Counts())
            self.columns[name].update(cells)

    def merge(self, other: TableSketch) -> None:
        """Take in all rows that another sketch has seen; columns must agree."""
        for name, sketch in other.columns.items():
            if name in self.columns:
                self.columns[name].merge(sketch)
            else:
                self.columns[name] = decode(encode(TableSketch({name: sketch}))).columns[name]


def encode(sketch: TableSketch) -> bytes:
    """As JSON."""
    told = {
        name: {"kind": "numbers" if s.is_numeric else "values", "missing": s.missing, **s.values.to_dict()}
        for name, s in sketch.columns.items()
    }
    return msgspec.json.encode({"schema_version": SCHEMA_VERSION, "columns": told})


def decode(told: bytes) -> TableSketch:
    """From what ``encode`` gave; ValueError when it is something else."""
    try:
        document = msgspec.json.decode(told)
        if document["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"a sketch of version {document['schema_version']}, known is {SCHEMA_VERSION}")
        return TableSketch({name: _column(c) for name, c in document["columns"].items()})
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise ValueError(f"not a sketch ({error})") from error


def _column(told: dict[str, Any]) -> ColumnSketch:
    values = Quantiles.from_dict(told) if told["kind"] == "numbers" else Counts.from_dict(told)
    return ColumnSketch(values, int(told["missing"]))


def _is_numeric(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_timestamp, pa.types.is_date)
    return any(test(kind) for test in tests)


def _numbers(cells: pa.Array | pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.float64]]:
    whole = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    if pa.types.is_timestamp(whole.type) or pa.types.is_date(whole.type):
        return _numbers(whole.cast(pa.timestamp("us", getattr(whole.type, "tz", None))).cast(pa.int64())) / _SECOND
    return np.asarray(whole.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
