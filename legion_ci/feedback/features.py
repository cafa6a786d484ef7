"""Rows of features out of captured request bodies: the protocols of Legion, MLflow and v2, and CSV with a header."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec

Named = tuple[Sequence[str], Sequence[Sequence[Any]]]  # columns, rows


class Unreadable(ValueError):
    """A body that holds no rows with named columns."""


def rows(body: str, names: Sequence[str] | None = None) -> Named:
    """The columns and rows of one request; raises Unreadable. names: of columns, where the body names none."""
    try:
        told = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return _csv(body)
    if not isinstance(told, dict):
        raise Unreadable("the body is no object")
    if "data" in told:
        return _matrix(told.get("columns") or names, told["data"])
    for key, read in _FORMATS.items():
        if key in told:
            return read(told[key], names)
    raise Unreadable("the body holds no rows")


def _matrix(columns: Any, data: Any) -> Named:
    if not isinstance(columns, list | tuple) or not isinstance(data, list):
        raise Unreadable("the columns are not named")
    if any(not isinstance(row, list) or len(row) != len(columns) for row in data):
        raise Unreadable("not every row is as wide as the columns")
    return [str(c) for c in columns], data


def _split(content: Any, names: Sequence[str] | None) -> Named:
    if not isinstance(content, dict):
        raise Unreadable("dataframe_split is no object")
    return _matrix(content.get("columns") or names, content.get("data"))


def _records(content: Any, names: Sequence[str] | None) -> Named:
    if not isinstance(content, list) or not content:
        raise Unreadable("there are no records")
    if not all(isinstance(row, dict) for row in content):
        return _matrix(names, content)
    columns = list(dict.fromkeys(key for row in content for key in row))
    return columns, [[row.get(c) for c in columns] for row in content]


def _inputs(content: Any, names: Sequence[str] | None) -> Named:
    """MLflow's object of columns or list of rows, or the tensors of v2, one a column."""
    if isinstance(content, dict):
        return _columns({str(k): v for k, v in content.items()})
    if isinstance(content, list) and content and all(isinstance(t, dict) and "data" in t for t in content):
        return _columns({str(t.get("name")): _flat(t["data"]) for t in content})
    return _records(content, names)


def _flat(data: Any) -> Any:
    """A tensor of one column, which may be written as a list of lists of one value."""
    if isinstance(data, list) and all(isinstance(v, list) and len(v) == 1 for v in data):
        return [v[0] for v in data]
    return data


def _columns(table: dict[str, Any]) -> Named:
    lengths = {len(v) if isinstance(v, list) else -1 for v in table.values()}
    if len(lengths) != 1 or -1 in lengths:
        raise Unreadable("the columns are not lists of one length")
    return list(table), [list(row) for row in zip(*table.values(), strict=True)]


_FORMATS = {"dataframe_split": _split, "dataframe_records": _records, "instances": _records, "inputs": _inputs}


def _csv(body: str) -> Named:
    try:
        lines = list(csv.reader(io.StringIO(body), strict=True))
    except csv.Error as error:
        raise Unreadable("the body is neither JSON nor CSV") from error
    lines = [line for line in lines if line]
    if len(lines) < 2 or any(len(line) != len(lines[0]) for line in lines):
        raise Unreadable("the body is neither JSON nor CSV with a header")
    return lines[0], [[_cell(c) for c in line] for line in lines[1:]]


def _cell(text: str) -> Any:
    """A number where it is one, nothing where it is empty."""
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return text


class Table:
    """Gathers rows into columns, by name: what a request does not hold is null."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Any]] = {}
        self.count = 0

    def add(self, names: Sequence[str], row: Sequence[Any]) -> None:
        """Append one row."""
        for name, value in zip(names, row, strict=True):
            if name not in self.columns:
                self.columns[name] = [None] * self.count
            self.columns[name].append(value)
        self.count += 1
        for values in self.columns.values():
            if len(values) < self.count:
                values.append(None)
