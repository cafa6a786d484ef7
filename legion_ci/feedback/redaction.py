"""Takes the values of named fields out of bodies: of requests, answers and outcomes, in every protocol of the server."""

from __future__ import annotations

import csv
import io
from collections.abc import Set
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

_MATRICES = ("data", "prediction", "predictions")  # lists of rows beside ``columns``


def body(content: bytes, fields: Set[str]) -> bytes:
    """The body with null for every value of those fields; empty when it cannot be read, so that nothing slips through."""
    if not fields or not content:
        return content
    try:
        return msgspec.json.encode(value(msgspec.json.decode(content), fields))
    except (msgspec.DecodeError, RecursionError):
        return _csv(content, fields)


def value(told: Any, fields: Set[str]) -> Any:
    """Any JSON value with null in the place of those fields' values."""
    if isinstance(told, list):
        return [value(v, fields) for v in told]
    if not isinstance(told, dict):
        return told
    if _is_one_of(told.get("name"), fields) and "data" in told:  # a tensor of v2
        told = {**told, "data": None}
    hidden = _positions(told.get("columns"), fields)
    return {k: None if k in fields else _matrix(v, hidden, fields) if k in _MATRICES else value(v, fields) for k, v in told.items()}  # fmt: skip


def _is_one_of(told: Any, fields: Set[str]) -> bool:
    return isinstance(told, str) and told in fields


def _positions(columns: Any, fields: Set[str]) -> set[int]:
    return {i for i, c in enumerate(columns) if _is_one_of(c, fields)} if isinstance(columns, list) else set()


def _matrix(rows: Any, hidden: set[int], fields: Set[str]) -> Any:
    if not hidden or not isinstance(rows, list):
        return value(rows, fields)
    return [
        [None if i in hidden else value(v, fields) for i, v in enumerate(row)] if isinstance(row, list) else value(row, fields)
        for row in rows
    ]  # fmt: skip


def _csv(content: bytes, fields: Set[str]) -> bytes:
    try:
        lines = [line for line in csv.reader(io.StringIO(content.decode()), strict=True) if line]
    except (csv.Error, UnicodeDecodeError):
        return b""
    if len(lines) < 2 or any(len(line) != len(lines[0]) for line in lines):
        return b""
    hidden = _positions(lines[0], fields)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(
        line if n == 0 else ["" if i in hidden else cell for i, cell in enumerate(line)] for n, line in enumerate(lines)
    )
    return out.getvalue().encode()


def uri(address: str, fields: Set[str]) -> str:
    """The address without the values of those fields in its query."""
    if not fields or "?" not in address:
        return address
    parts = urlsplit(address)
    query = [(k, "" if k in fields else v) for k, v in parse_qsl(parts.query, keep_blank_values=True)]
    return urlunsplit(parts._replace(query=urlencode(query)))
