"""Reads a CSV body, whose first line names the columns, into the values that JSON would hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from legion_ci.serving.problems import Problems, refused
from legion_ci.serving.signature import Signature

_NULLS = ("", "nan", "na", "null", "none")
_TRUTH = {"true": True, "false": False, "1": True, "0": False}


def read(body: bytes, signature: Signature | None, max_rows: int) -> tuple[list[str], list[list[Any]]]:
    """Names and rows; a text that is no value of its column stays a text, which the check of the rows tells.

    Raises Refused when the body is not CSV with a header, or has too many rows.
    """
    lines = _lines(body, max_rows)
    if not lines:
        raise refused(400, "body", "is empty; please provide a header with the columns' names, and rows")
    [names, *rows] = lines
    return names, typed(names, rows, signature)


def typed(names: list[str], rows: list[list[str]], signature: Signature | None) -> list[list[Any]]:
    """Texts as the values of their columns; raises Refused when rows are not as long as the header."""
    problems = Problems()
    for i, row in enumerate(rows):
        if len(row) != len(names):
            problems.add(f"rows[{i}]", f"must hold {len(names)} values (found {len(row)})")
    problems.refuse_if_any()
    readers = _readers(names, signature)
    return [[read(text) for read, text in zip(readers, row, strict=True)] for row in rows]


def _lines(body: bytes, max_rows: int) -> list[list[str]]:
    try:
        found: list[list[str]] = []
        for line in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True):
            if line:
                found.append(line)
            if len(found) > max_rows + 1:
                raise refused(413, "body", f"must hold at most {max_rows} rows")
    except UnicodeDecodeError as error:
        raise refused(400, "body", f"is not UTF-8 (byte {error.start})") from None
    except csv.Error as error:
        raise refused(400, "body", f"is not CSV ({error})") from None
    return found


def _readers(names: list[str], signature: Signature | None) -> list[Callable[[str], Any]]:
    kinds: dict[str, str] = {c.name: c.kind for c in signature.columns} if signature else {}
    plainest = "string" if signature else "number"
    return [_READERS[kinds.get(name, plainest)] for name in names]


def _number(text: str) -> Any:
    try:
        return int(text) if text.strip().lstrip("+-").isdecimal() and len(text) < 30 else float(text)
    except ValueError:
        return None if text.strip().lower() in _NULLS else text


def _plain(text: str) -> Any:
    return None if text == "" else text


def _float(text: str) -> Any:
    found = _number(text)
    return None if isinstance(found, float) and found != found else found


def _boolean(text: str) -> Any:
    plain = text.strip().lower()
    return None if plain in _NULLS else _TRUTH.get(plain, text)


_READERS: dict[str, Callable[[str], Any]] = {
    "number": _float, "integer": _float, "boolean": _boolean, "string": _plain, "datetime": _plain,
}  # fmt: skip
