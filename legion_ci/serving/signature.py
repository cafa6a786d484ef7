"""A model's signature: the columns that it takes, with type and whether they may be null, and sample rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec

from legion_ci.core.errors import ConfigurationError

Kind = Literal["integer", "number", "string", "boolean", "datetime"]
NUMERIC = ("integer", "number", "boolean")


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column. required: whether a request that names its columns must have it."""

    name: str
    kind: Kind
    nullable: bool = False
    required: bool = True
    example: Any = None


class Signature(msgspec.Struct, frozen=True, dict=True):
    """The columns in the order in which the model takes them."""

    columns: tuple[Column, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(c.name for c in self.columns)

    @cached_property
    def numeric(self) -> bool:
        """Whether every column is a number or truth value."""
        return all(c.kind in NUMERIC for c in self.columns)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """``head_input.json`` or ``head_output.json``: columns with types, and rows."""

    columns: list[str]
    types: dict[str, Kind]
    nullable: dict[str, bool] = {}
    data: list[list[Any]] = []

    def signature(self) -> Signature:
        """The columns as a signature; the first row that has a value gives the example."""
        return Signature(tuple(self._column(i, name) for i, name in enumerate(self.columns)))

    def _column(self, index: int, name: str) -> Column:
        example = next((row[index] for row in self.data if row[index] is not None), None)
        nullable = self.nullable.get(name, any(row[index] is None for row in self.data))
        return Column(name=name, kind=self.types[name], nullable=nullable, example=example)


def read_sample(path: Path) -> Sample | None:
    """The sample in that file, None when there is no file; raises ConfigurationError when it is not a sample."""
    try:
        sample = msgspec.json.decode(path.read_bytes(), type=Sample)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"is not a sample of rows ({error})", where=str(path), todo="run train again"
        ) from error
    untyped = [c for c in sample.columns if c not in sample.types]
    ragged = [i for i, row in enumerate(sample.data) if len(row) != len(sample.columns)]
    if untyped or ragged:
        what = f"columns without a type: {', '.join(untyped)}" if untyped else f"row {ragged[0]} has another width"
        raise ConfigurationError(f"is not a sample of rows ({what})", where=str(path), todo="run train again")
    return sample


def of_info(inputs: Iterable[dict[str, Any]], where: str) -> Signature | None:
    """The signature that a GPPI ``info()`` tells; None when it tells nothing."""
    columns = []
    for index, told in enumerate(inputs):
        kind, name = told.get("type", "number"), told.get("name")
        if kind not in ("integer", "number", "string", "boolean", "datetime") or not isinstance(name, str):
            todo = "give every input a name and the type integer, number, string, boolean or datetime"
            raise ConfigurationError(f"info() told {told!r} of input {index}", where=where, todo=todo)
        needed = bool(told.get("required", True))
        columns.append(Column(name=name, kind=kind, nullable=not needed, required=needed, example=told.get("example")))
    return Signature(tuple(columns)) if columns else None


def as_info(signature: Signature | None) -> list[dict[str, Any]]:
    """The columns as GPPI's ``info()`` tells them: name, type, example, required."""
    columns: Sequence[Column] = signature.columns if signature else ()
    return [{"name": c.name, "type": c.kind, "example": c.example, "required": c.required} for c in columns]
