"""What a model answers: named columns of equal length, as rows for JSON and as a table for files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Answer:
    """The part of the predictions that answers one request. rows: one sequence of values a row."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Predictions:
    """Predictions of a table. values: one array or list a column, each with one value a row."""

    columns: tuple[str, ...]
    values: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.values[0]) if self.values else 0

    def rows(self) -> list[tuple[Any, ...]]:
        """One tuple of plain Python values a row."""
        plain = [v.tolist() if hasattr(v, "tolist") else v for v in self.values]
        return list(zip(*plain, strict=True))

    def table(self) -> pa.Table:
        """The predictions as an Arrow table."""
        import pyarrow as pa

        return pa.table([_arrow(v) for v in self.values], names=list(self.columns))


def named(count: int) -> tuple[str, ...]:
    """Column names of a model with that many unnamed outputs: ``prediction``, or ``prediction_0`` and so on."""
    return ("prediction",) if count == 1 else tuple(f"prediction_{i}" for i in range(count))


def of_result(result: Any, n_rows: int) -> Predictions:
    """Predictions from whatever a model's ``predict`` returned (array, list, Series, DataFrame, dict of columns).

    Tables keep the names of their columns when they have several. Raises ValueError when the number of rows differs.
    """
    import numpy as np

    if hasattr(result, "columns") and hasattr(result, "items"):  # a DataFrame
        result = {str(name): column.to_numpy() for name, column in result.items()}
    if isinstance(result, dict):
        columns = tuple(map(str, result)) if len(result) > 1 else named(1)
        return checked(Predictions(columns, tuple(result.values())), n_rows)
    array = result if isinstance(result, np.ndarray) else _array(result)
    if array.ndim <= 1:
        return checked(Predictions(named(1), (array.reshape(-1),)), n_rows)
    flat = array if array.ndim == 2 else array.reshape(len(array), -1)
    return checked(Predictions(named(flat.shape[1]), tuple(flat[:, i] for i in range(flat.shape[1]))), n_rows)


def checked(predictions: Predictions, n_rows: int) -> Predictions:
    """The predictions themselves when there is exactly one for each row; raises ValueError otherwise."""
    found = {len(v) for v in predictions.values} or {0}
    if found != {n_rows}:
        raise ValueError(f"the model returned {' or '.join(map(str, sorted(found)))} predictions for {n_rows} rows")
    return predictions


def encode(value: Any) -> bytes:
    """JSON; NumPy's values as plain ones, NaN and infinity as null."""
    return msgspec.json.encode(value, enc_hook=plain)


def plain(value: Any) -> Any:
    """A JSON-ready value of one that msgspec does not know; raises TypeError when there is none."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a prediction of type {type(value).__name__} cannot be written as JSON")


def _array(result: Any) -> Any:
    """An array of a list or Series, with mixed values kept as they are."""
    import numpy as np

    if hasattr(result, "to_numpy"):
        return result.to_numpy()
    values = result if isinstance(result, list) else list(result)
    mixed = any(isinstance(v, str | list | tuple | dict) for v in values[:1])
    return np.asarray(values, dtype=object) if mixed else np.asarray(values)


def _arrow(values: Any) -> Any:
    import pyarrow as pa

    return pa.array(values.tolist() if getattr(values, "dtype", None) == "object" else values)
