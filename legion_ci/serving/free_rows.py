"""Reads tables for a model that does not tell its signature: any matrix whose rows are of one width."""

from __future__ import annotations

from typing import Any

from legion_ci.serving import cells
from legion_ci.serving.problems import Problems
from legion_ci.serving.rows import Rows, column_length, column_names, listed_rows, shown


class FreeRows:
    """As ``SignatureRows``, but the client's columns are handed on as they are."""

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows

    def matrix(self, columns: Any, data: Any, columns_path: str, data_path: str) -> Rows:
        """Rows of a list of lists of equal width."""
        problems = Problems()
        listed = listed_rows(data, data_path, self._max_rows, problems)
        names = column_names(columns, columns_path, problems)
        first = len(listed[0]) if listed and isinstance(listed[0], list) else 0
        width = first if names is None else len(names)
        for i, row in enumerate(listed):
            if not isinstance(row, list):
                problems.add(f"{data_path}[{i}]", f"must be a list of values, not {cells.called(row)}")
            elif len(row) != width or not row:
                problems.add(f"{data_path}[{i}]", f"must hold {width or 'some'} values (found {len(row)})")
        problems.refuse_if_any()
        return Rows(listed, names)

    def records(self, records: Any, path: str) -> Rows:
        """Rows of a list of objects that all have the columns of the first."""
        problems = Problems()
        listed = listed_rows(records, path, self._max_rows, problems)
        first = next((r for r in listed if isinstance(r, dict)), {})
        for i, record in enumerate(listed):
            if not isinstance(record, dict) or not record:
                problems.add(f"{path}[{i}]", f"must be an object of columns, not {cells.called(record)}")
            elif record.keys() != first.keys():
                problems.add(f"{path}[{i}]", f"must have the columns of the first row ({', '.join(map(shown, first))})")
        problems.refuse_if_any()
        return Rows([[record[name] for name in first] for record in listed], tuple(first))

    def columns(self, table: dict[str, Any], path: str) -> Rows:
        """Rows of an object of columns of equal length."""
        problems = Problems()
        column_length(table, path, self._max_rows, problems)
        problems.refuse_if_any()
        return Rows([list(row) for row in zip(*table.values(), strict=True)], tuple(table))
