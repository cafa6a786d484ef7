"""Builds what a model takes (a NumPy array or a DataFrame) from rows of a request or from an Arrow table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from legion_ci.core.errors import missing_package
from legion_ci.serving.rows import Row
from legion_ci.serving.signature import Signature

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa


class Inputs(Protocol):
    """Rows or a table → what ``predict`` takes."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that the model takes, in its order."""

    def of_rows(self, rows: Sequence[Row]) -> Any:
        """From checked rows in the signature's order."""

    def of_table(self, table: pa.Table) -> Any:
        """From a table that has at least the signature's columns."""


class ArrayInputs:
    """Float arrays of shape (rows, columns); null is NaN. names: the columns that the model takes, in its order."""

    def __init__(self, signature: Signature, names: Sequence[str] | None = None) -> None:
        self.names = tuple(names or signature.names)
        order = [signature.names.index(name) for name in self.names]
        self._order = None if order == list(range(len(signature.names))) else order

    def of_rows(self, rows: Sequence[Row]) -> npt.NDArray[np.float64]:
        """From rows."""
        import numpy as np

        array = np.array(rows, dtype=np.float64)
        return array if self._order is None else array[:, self._order]

    def of_table(self, table: pa.Table) -> npt.NDArray[np.float64]:
        """From a table."""
        import numpy as np
        import pyarrow as pa

        columns = [table.column(name).cast(pa.float64()).to_numpy() for name in self.names]
        return np.column_stack(columns) if columns else np.empty((table.num_rows, 0))


class FrameInputs:
    """DataFrames with the types that the training data had: Arrow's, through the same conversion as in training.

    schema: the signature's columns with their types. names: those of them that the model takes, in its order.
    """

    def __init__(self, schema: pa.Schema, names: Sequence[str]) -> None:
        try:
            import pandas  # noqa: F401
        except ImportError as error:
            raise missing_package(error, "the model takes a DataFrame") from error
        self._schema = schema
        self.names = tuple(names)
        self._in_order = list(names) == schema.names

    def of_rows(self, rows: Sequence[Row]) -> pd.DataFrame:
        """From rows."""
        import pyarrow as pa

        arrays = [
            _array(values, field.type) for values, field in zip(zip(*rows, strict=True), self._schema, strict=True)
        ]
        return self._frame(pa.Table.from_arrays(arrays, schema=self._schema))

    def of_table(self, table: pa.Table) -> pd.DataFrame:
        """From a table; raises ValueError naming every column whose type does not fit."""
        import pyarrow as pa

        columns, problems = [], []
        for field in self._schema:
            try:
                columns.append(_cast(table.column(field.name), field.type))
            except pa.ArrowException as error:
                problems.append(
                    f"{field.name} is {table.column(field.name).type}, the model takes {field.type} ({error})"
                )
        if problems:
            raise ValueError("; ".join(problems))
        return self._frame(pa.Table.from_arrays(columns, schema=self._schema))

    def _frame(self, table: pa.Table) -> pd.DataFrame:
        return (table if self._in_order else table.select(list(self.names))).to_pandas()


def training_schema(model_dir: Path, signature: Signature) -> pa.Schema:
    """Arrow types of the signature's columns: those of ``head_input.parquet``, else the plainest ones of each kind.

    A whole number that may be null is a float in a DataFrame, whether or not a null is among the rows at hand.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = model_dir / "head_input.parquet"
    known = pq.read_schema(path) if path.is_file() else pa.schema([])
    fields = []
    for c in signature.columns:
        kind = known.field(c.name).type if c.name in known.names else _plainest(c.kind)
        fields.append(pa.field(c.name, _served(kind, c.nullable and not _extension(known, c.name))))
    return pa.schema(fields, metadata=known.metadata)


def _plainest(kind: str) -> pa.DataType:
    import pyarrow as pa

    return {"integer": pa.int64(), "number": pa.float64(), "string": pa.string(), "boolean": pa.bool_(),
            "datetime": pa.timestamp("us")}[kind]  # fmt: skip


def _served(kind: pa.DataType, floats_for_null: bool) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_decimal(kind) or (pa.types.is_integer(kind) and floats_for_null):
        return pa.float64()
    return kind


def _extension(schema: pa.Schema, name: str) -> bool:
    """Whether pandas kept the column in one of its own nullable types (``Int64``)."""
    columns = (schema.pandas_metadata or {}).get("columns", [])
    return any(c.get("name") == name and str(c.get("numpy_type", ""))[:1].isupper() for c in columns)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, kind)


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    import pyarrow as pa

    if pa.types.is_dictionary(kind) and not pa.types.is_dictionary(column.type):
        column = column.cast(kind.value_type).dictionary_encode()
    return column.cast(kind)
