"""Reads one JSON value as a cell of a column: the value that the model gets, or what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from legion_ci.serving.signature import Column, Kind

_INT64 = 1 << 63
_NAMES = {str: "a string", bool: "true or false", int: "an integer", float: "a number", list: "a list",
          dict: "an object", type(None): "null"}  # fmt: skip

Reader = Callable[[Any], Any]


def called(value: Any) -> str:
    """What a JSON value is, in words: ``a string``, ``null``, …"""
    return _NAMES.get(type(value), type(value).__name__)


def reader(column: Column) -> Reader:
    """A function from a JSON value to the cell; raises ValueError that says what is wrong."""
    read = READERS[column.kind]
    if column.nullable:
        return lambda value: None if value is None else read(value)
    return read


def number(value: Any) -> float:
    """A finite float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {called(value)}")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise ValueError("must be a finite number")
    return found


def integer(value: Any) -> int:
    """A whole number of 64 bits; 3.0 is one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be an integer, not {_fraction(value)}")
    if not -_INT64 <= value < _INT64:
        raise ValueError("must be an integer of 64 bits")
    return value


def string(value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {called(value)}")
    return value


def boolean(value: Any) -> bool:
    """A truth value."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {called(value)}")
    return value


def moment(value: Any) -> datetime:
    """A date or time in ISO 8601; with an offset it is turned into UTC, and all are handed on without one."""
    if not isinstance(value, str):
        raise ValueError(f"must be a date and time as a string, not {called(value)}")
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"must be a date and time such as 2013-06-30T17:45:00, not {value[:40]!r}") from None
    try:
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except OverflowError:
        raise ValueError("must be a date and time within the years 1 to 9999") from None


def _fraction(value: Any) -> str:
    return f"the fraction {value!r}" if isinstance(value, float) else called(value)


READERS: dict[Kind, Reader] = {
    "number": number,
    "integer": integer,
    "string": string,
    "boolean": boolean,
    "datetime": moment,
}
