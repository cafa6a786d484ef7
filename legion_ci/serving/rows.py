"""Turns the tables of a request (matrix, records, columns) into checked rows in the model's column order."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from legion_ci.serving import cells
from legion_ci.serving.problems import Problems, refused
from legion_ci.serving.signature import Column, Signature

Row = Sequence[Any]
_ABSENT = -1
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Rows:
    """Rows for one call of the model. names: the columns as the client named them, when the model has no signature."""

    data: Sequence[Row]
    names: tuple[str, ...] | None = None


class SignatureRows:
    """Reads tables against a signature; every method raises Refused with all that is wrong."""

    def __init__(self, signature: Signature, max_rows: int) -> None:
        self._max_rows = max_rows
        self._columns = signature.columns
        self._names = set(signature.names)
        self._readers = [cells.reader(c) for c in signature.columns]

    def matrix(self, columns: Any, data: Any, columns_path: str, data_path: str) -> Rows:
        """Rows of ``data`` (list of lists); columns: the names of its columns, or None for the model's own order."""
        problems = Problems()
        listed = listed_rows(data, data_path, self._max_rows, problems)
        names = column_names(columns, columns_path, problems)
        order = range(len(self._columns)) if names is None else self._order(names, columns_path, problems)
        width = len(self._columns) if names is None else len(names)
        rows = [self._row(row, f"{data_path}[{i}]", order, width, problems) for i, row in enumerate(listed)]
        problems.refuse_if_any()
        return Rows(rows)

    def records(self, records: Any, path: str) -> Rows:
        """Rows of a list of objects, each ``{column: value}``."""
        problems = Problems()
        listed = listed_rows(records, path, self._max_rows, problems)
        rows = [self._record(record, f"{path}[{i}]", problems) for i, record in enumerate(listed)]
        problems.refuse_if_any()
        return Rows(rows)

    def columns(self, table: dict[str, Any], path: str) -> Rows:
        """Rows of an object of columns ``{column: [value, …]}`` of equal length."""
        problems = Problems()
        count = column_length(table, path, self._max_rows, problems)
        self._compare_names(table, path, problems)
        found = [self._column(table, c, read, path, count, problems) for c, read in self._pairs()]
        problems.refuse_if_any()
        return Rows(list(zip(*found, strict=True)))

    def _pairs(self) -> list[tuple[Column, cells.Reader]]:
        return list(zip(self._columns, self._readers, strict=True))

    def _order(self, names: tuple[str, ...], path: str, problems: Problems) -> list[int]:
        """Where each column of the model stands in a request's row, ``_ABSENT`` when it is not there."""
        at = {name: i for i, name in enumerate(names)}
        for i, name in enumerate(names):
            if name not in self._names:
                problems.add(f"{path}[{i}]", self._unknown(name))
            elif at[name] != i:
                problems.add(f"{path}[{i}]", f"the column {name} is named twice")
        for c in self._columns:
            if c.name not in at and c.required:
                problems.add(path, f"the column {c.name} is missing")
        return [at.get(c.name, _ABSENT) for c in self._columns]

    def _row(self, row: Any, path: str, order: Sequence[int], width: int, problems: Problems) -> Row:
        if not isinstance(row, list):
            problems.add(path, f"must be a list of {width} values, not {cells.called(row)}")
        elif len(row) != width:
            problems.add(path, f"must hold {width} values (found {len(row)})")
        else:
            return [
                None if i == _ABSENT else _cell(read, row[i], c, path, f"[{i}]", problems)
                for (c, read), i in zip(self._pairs(), order, strict=True)
            ]
        return []

    def _record(self, record: Any, path: str, problems: Problems) -> Row:
        if not isinstance(record, dict):
            problems.add(path, f"must be an object of columns, not {cells.called(record)}")
            return []
        self._compare_names(record, path, problems)
        return [
            _cell(read, record[c.name], c, path, f".{c.name}", problems) if c.name in record else None
            for c, read in self._pairs()
        ]

    def _column(
        self, table: dict[str, Any], c: Column, read: cells.Reader, path: str, count: int, problems: Problems
    ) -> Row:
        values = table.get(c.name, [])
        if not isinstance(values, list) or len(values) != count:  # told already, or a column that may be left out
            return [None] * count
        return [_cell(read, value, c, f"{path}.{c.name}", f"[{i}]", problems) for i, value in enumerate(values)]

    def _compare_names(self, names: dict[str, Any], path: str, problems: Problems) -> None:
        for name in names:
            if name not in self._names:
                problems.add(f"{path}.{shown(name)}", self._unknown(name))
        for c in self._columns:
            if c.required and c.name not in names:
                problems.add(f"{path}.{c.name}", "is missing")

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._names, n=1) if len(name) <= _LONGEST_NAME else []
        return f"the model has no column {shown(name)}" + (f"; did you mean {near[0]}?" if near else "")


def listed_rows(data: Any, path: str, max_rows: int, problems: Problems) -> list[Any]:
    """``data`` when it is a list of 1 to ``max_rows`` rows, else a problem and an empty list; too many are refused at once."""
    if not isinstance(data, list):
        problems.add(path, "is missing" if data is None else f"must be a list of rows, not {cells.called(data)}")
        return []
    if not data:
        problems.add(path, "must hold at least one row")
    if len(data) > max_rows:
        raise refused(413, path, f"must hold at most {max_rows} rows (found {len(data)})")
    return data


def column_names(columns: Any, path: str, problems: Problems) -> tuple[str, ...] | None:
    """The names in a list of column names; None when there is none."""
    if columns is None:
        return None
    if not isinstance(columns, list):
        problems.add(path, f"must be a list of column names, not {cells.called(columns)}")
        return None
    for i, name in enumerate(columns):
        if not isinstance(name, str):
            problems.add(f"{path}[{i}]", f"must be a column's name, not {cells.called(name)}")
    return tuple(name if isinstance(name, str) else "" for name in columns)


def column_length(table: dict[str, Any], path: str, max_rows: int, problems: Problems) -> int:
    """The number of rows of a table given as columns; 0 when its columns disagree, which is a problem."""
    lengths = {}
    for name, values in table.items():
        if isinstance(values, list):
            lengths[name] = len(values)
        else:
            problems.add(f"{path}.{shown(name)}", f"must be a list of values, not {cells.called(values)}")
    count = next(iter(lengths.values()), 0)
    for name, length in lengths.items():
        if length != count:
            problems.add(
                f"{path}.{shown(name)}", f"must have as many values as the first column, {count} (found {length})"
            )
    if not count:
        problems.add(path, "must hold at least one row")
    if count > max_rows:
        raise refused(413, path, f"must hold at most {max_rows} rows (found {count})")
    return count


def shown(name: str) -> str:
    """A name from a request, cut when it is very long."""
    return name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…"


def _cell(read: Callable[[Any], Any], value: Any, column: Column, path: str, step: str, problems: Problems) -> Any:
    try:
        return read(value)
    except ValueError as error:
        problems.add(path + step, f"{column.name} {error}")
        return None
