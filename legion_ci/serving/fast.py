"""The fast way through a well-formed request: JSON decoded straight into typed rows by msgspec.

Whatever it does not take goes the slow way, which finds every problem; what it takes, the slow way takes to the same
rows (a test holds this).
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from legion_ci.serving.rows import Rows
from legion_ci.serving.signature import Column, Signature

_INT64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_TYPES: dict[str, Any] = {"number": float, "integer": _INT64, "string": str, "boolean": bool}


class FastReader:
    """Reads ``{"columns": […], "data": [[…]]}``, at the top or below ``dataframe_split``."""

    def __init__(self, signature: Signature, max_rows: int) -> None:
        self._names = list(signature.names)
        self._max_rows = max_rows
        row: Any = tuple.__class_getitem__(tuple(_type(c) for c in signature.columns))
        rows: Any = list.__class_getitem__(row)
        matrix = msgspec.defstruct(
            "Matrix", [("data", rows), ("columns", list[str] | None, None)], forbid_unknown_fields=True
        )
        split = msgspec.defstruct("Split", [("dataframe_split", matrix)], forbid_unknown_fields=True)
        self._matrix = msgspec.json.Decoder(matrix)
        self._split = msgspec.json.Decoder(split)

    @classmethod
    def of(cls, signature: Signature | None, max_rows: int) -> FastReader | None:
        """A reader, or None where the types need the slow way (dates) or there is no signature."""
        if signature is None or any(c.kind not in _TYPES or not c.required for c in signature.columns):
            return None
        return cls(signature, max_rows)

    def invoke(self, body: bytes) -> Rows | None:
        """Rows of Legion's request; None: go the slow way."""
        return self._read(self._matrix, body)

    def split(self, body: bytes) -> Rows | None:
        """Rows of MLflow's ``dataframe_split``; None: go the slow way."""
        return self._read(self._split, body, "dataframe_split")

    def _read(self, decoder: msgspec.json.Decoder[Any], body: bytes, inside: str = "") -> Rows | None:
        try:
            table = decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if inside:
            table = getattr(table, inside)
        named_as_ours = table.columns is None or table.columns == self._names
        return Rows(table.data) if named_as_ours and 0 < len(table.data) <= self._max_rows else None


def _type(column: Column) -> Any:
    kind = _TYPES[column.kind]
    return kind | None if column.nullable else kind
