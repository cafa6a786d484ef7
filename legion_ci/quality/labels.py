"""Class labels as numbers, so that ``True``, ``1`` and ``1.0`` of target and prediction are the same class."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MOST = 1000  # classes; more look like a target of numbers

_WHOLE = re.compile(r"(-?\d+)\.0+")


@dataclass(frozen=True)
class Classes:
    """Names of the classes in the order of their values; ``keys`` are what makes two labels the same."""

    names: tuple[str, ...]
    keys: tuple[str, ...]

    def number(self, label: Any) -> int:
        """Number of a label's class, −1 when there is none."""
        wanted = key(label)
        return self.keys.index(wanted) if wanted in self.keys else -1


def key(label: Any) -> str:
    """The same text for labels that mean the same class."""
    text = str(label)
    if text in ("True", "False", "true", "false"):
        return "1" if text.lower() == "true" else "0"
    whole = _WHOLE.fullmatch(text)
    return whole.group(1) if whole else text


def classes_of(column: pa.ChunkedArray) -> Classes:
    """The classes in a column, sorted by value (the greater of two is the positive one unless said)."""
    values = sorted(v for v in column.unique().to_pylist() if v is not None)
    return Classes(tuple(str(v) for v in values), tuple(key(v) for v in values))


def codes_of(column: pa.ChunkedArray, classes: Classes) -> NDArray[np.int64]:
    """Number of the class of every row, −1 for a label that is none of them."""
    encoded = column.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    numbers = np.array([*(classes.number(v) for v in encoded.dictionary.to_pylist()), -1], dtype=np.int64)
    indices = encoded.indices.fill_null(len(numbers) - 1).to_numpy(zero_copy_only=False).astype(np.int64)
    result: NDArray[np.int64] = numbers[indices]
    return result
