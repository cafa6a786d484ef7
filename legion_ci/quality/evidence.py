"""What checks judge: the evaluation rows, and what each model answered on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from legion_ci.core.errors import ToolError
from legion_ci.quality.labels import Classes, classes_of, codes_of

Floats = NDArray[np.float64]


class InvalidAnswer(Exception):
    """A model answered with something that no metric can use (NaN, infinite, no probability); says how often."""


@dataclass(frozen=True, eq=False)
class Truth:
    """The target of every row. codes: numbers of classes, for classes; values: for numbers.

    known: the classes, where these rows are a part of others.
    """

    column: pa.ChunkedArray
    known: Classes | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "_memory", {})

    def _remember(self, key: str, make: Any) -> Any:
        memory: dict[str, Any] = self.__dict__["_memory"]
        if key not in memory:
            memory[key] = make()
        return memory[key]

    @property
    def classes(self) -> Classes:
        """The classes that occur."""
        found: Classes = self._remember("classes", lambda: self.known or classes_of(self.column))
        return found

    @property
    def codes(self) -> NDArray[np.int64]:
        """Number of each row's class."""
        found: NDArray[np.int64] = self._remember("codes", lambda: codes_of(self.column, self.classes))
        return found

    @property
    def values(self) -> Floats:
        """The target as numbers."""
        found: Floats = self._remember("values", lambda: _floats(self.column))
        return found

    @property
    def is_number(self) -> bool:
        """Whether the target can be read as numbers."""
        kind = self.column.type
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


@dataclass(frozen=True, eq=False)
class Answers:
    """One model's predictions (columns ``prediction`` and ``probability_<class>``), row by row those of the truth."""

    who: str  # "the candidate m v3"
    table: pa.Table

    def labels(self, classes: Classes) -> NDArray[np.int64]:
        """Number of the predicted class; −1 for one that the truth does not have."""
        column = self.table.column("prediction")
        if column.null_count or (pa.types.is_floating(column.type) and not np.isfinite(_floats(column)).all()):
            raise InvalidAnswer(self._says(column, "missing, NaN or infinite"))
        return codes_of(column, classes)

    def values(self) -> Floats:
        """The predictions as finite numbers."""
        return self._finite("prediction")

    def score(self, classes: Classes, positive: int) -> Floats:
        """What ranks rows: the positive class's probability, else a prediction that is itself a real number."""
        name = self._probability_columns(classes).get(positive)
        if name is None and pa.types.is_floating(self.table.column("prediction").type):
            return self._finite("prediction")
        return self._finite(name or self._lacking(classes.names[positive]))

    def probabilities(self, classes: Classes, positive: int | None) -> Floats:
        """Probability of each class of the truth, (rows, classes), each within 0..1."""
        found = self._probability_columns(classes)
        if not found and positive is not None and len(classes.names) == 2:
            one = self._within(self.score(classes, positive), "prediction")
            return np.stack([one, 1 - one] if positive == 0 else [1 - one, one], axis=1)
        columns = [found.get(c) or self._lacking(name) for c, name in enumerate(classes.names)]
        return np.stack([self._within(self._finite(c), c) for c in columns], axis=1)

    def _probability_columns(self, classes: Classes) -> dict[int, str]:
        prefix = "probability_"
        named = {classes.number(c[len(prefix) :]): c for c in self.table.column_names if c.startswith(prefix)}
        return {number: column for number, column in named.items() if number >= 0}

    def _lacking(self, name: str) -> str:
        raise ToolError(
            f"{self.who} gives no probability of the class {name} (its columns: {', '.join(self.table.column_names)})",
            todo="use a metric of labels, or a model with predict_proba",
        )

    def _finite(self, name: str) -> Floats:
        column = self.table.column(name)
        try:
            values = _floats(column)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InvalidAnswer(f"{self.who}: {name} is not a number ({column.type})") from error
        if not np.isfinite(values).all():
            raise InvalidAnswer(self._says(column, "missing, NaN or infinite"))
        return values

    def _within(self, values: Floats, name: str) -> Floats:
        outside = int(np.sum((values < 0) | (values > 1)))
        if outside:
            raise InvalidAnswer(f"{self.who}: {outside:,} of {len(values):,} values of {name} are outside 0..1")
        return values

    def _says(self, column: pa.ChunkedArray, what: str) -> str:
        bad = column.null_count if not pa.types.is_floating(column.type) else int(np.sum(~np.isfinite(_floats(column))))
        return f"{self.who}: {bad:,} of {len(column):,} predictions are {what}"


def _floats(column: pa.ChunkedArray) -> Floats:
    values: Floats = column.cast(pa.float64()).to_numpy().astype(np.float64, copy=False)
    return values
