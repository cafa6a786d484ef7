"""The request and answer bodies of Legion's ``invoke`` and MLflow's ``invocations``; those of version 2 are in ``v2``."""

from __future__ import annotations

from typing import Any

from legion_ci.serving import cells, csv_rows
from legion_ci.serving.body import json_object
from legion_ci.serving.fast import FastReader
from legion_ci.serving.free_rows import FreeRows
from legion_ci.serving.predictions import Answer, encode
from legion_ci.serving.problems import Problems, refused
from legion_ci.serving.rows import Rows, SignatureRows, shown
from legion_ci.serving.signature import Signature

_FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")


class Protocols:
    """Reads request bodies (raises Refused) and writes answer bodies."""

    def __init__(self, signature: Signature | None, max_rows: int) -> None:
        self._fast = FastReader.of(signature, max_rows)
        self._rows: SignatureRows | FreeRows = SignatureRows(signature, max_rows) if signature else FreeRows(max_rows)
        self._signature, self._max_rows = signature, max_rows
        self._one_column = signature is not None and len(signature.columns) == 1

    def read_invoke(self, body: bytes) -> Rows:
        """Rows of ``{"columns": […], "data": [[…]]}``; columns may be left out."""
        if self._fast and (rows := self._fast.invoke(body)):
            return rows
        told = json_object(body)
        _only(told, ("columns", "data"), "body")
        return self._rows.matrix(told.get("columns"), told.get("data"), "columns", "data")

    def read_matrix(self, names: list[str] | None, rows: list[Any]) -> Rows:
        """Rows that are Python lists already."""
        return self.read_table(names, rows, "columns", "data")

    def read_table(self, names: list[str] | None, rows: list[Any], names_path: str, rows_path: str) -> Rows:
        """Rows that are Python lists already; the paths are where problems are told to be."""
        return self._rows.matrix(names, rows, names_path, rows_path)

    def read_columns(self, table: dict[str, list[Any]], path: str) -> Rows:
        """Rows of columns that are Python lists already; path: where problems are told to be."""
        return self._rows.columns(table, path)

    def read_csv(self, body: bytes) -> Rows:
        """Rows of MLflow's CSV: the first line names the columns, what is empty is null."""
        names, rows = csv_rows.read(body, self._signature, self._max_rows)
        return self.read_table(names, rows, "header", "rows")

    def read_invocations(self, body: bytes) -> Rows:
        """Rows of one of MLflow's four JSON formats."""
        if self._fast and (rows := self._fast.split(body)):
            return rows
        told = json_object(body)
        if told.get("params") in (None, {}):
            told.pop("params", None)
        _only(told, _FORMATS, "body")
        if len(told) != 1:
            raise refused(
                400, "body", f"must hold exactly one of {', '.join(_FORMATS)} (found {', '.join(told) or 'none'})"
            )
        [(name, content)] = told.items()
        return self._read_format(name, content)

    def _read_format(self, name: str, content: Any) -> Rows:
        if name == "dataframe_split":
            return self._split(content)
        if name == "dataframe_records":
            return self._rows.records(content, name)
        if name == "inputs" and isinstance(content, dict):
            return self._rows.columns(content, name)
        if isinstance(content, list) and content and isinstance(content[0], dict):
            return self._rows.records(content, name)
        return self._rows.matrix(None, self._as_rows(content), name, name)

    def _split(self, content: Any) -> Rows:
        if not isinstance(content, dict):
            raise refused(
                400, "dataframe_split", f"must be an object with columns and data, not {cells.called(content)}"
            )
        _only(content, ("columns", "data", "index"), "dataframe_split")
        return self._rows.matrix(
            content.get("columns"), content.get("data"), "dataframe_split.columns", "dataframe_split.data"
        )

    def _as_rows(self, content: Any) -> Any:
        """A model of one column may be given bare values."""
        bare = self._one_column and isinstance(content, list) and not any(isinstance(v, list) for v in content)
        return [[v] for v in content] if bare else content


def write_invoke(answer: Answer) -> bytes:
    """``{"prediction": [[row], …], "columns": […]}``."""
    return encode({"prediction": answer.rows, "columns": answer.columns})


def write_invocations(answer: Answer) -> bytes:
    """``{"predictions": …}``: values, rows or records, as MLflow's own server answers for such a model.

    A classifier answers its classes; a model with several outputs rows; other tables are lists of records.
    """
    first = answer.columns[0] if answer.columns else ""
    if first == "prediction" or len(answer.columns) == 1:
        return encode({"predictions": [row[0] for row in answer.rows]})
    if first == "prediction_0":
        return encode({"predictions": answer.rows})
    return encode({"predictions": [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]})


def _only(told: dict[str, Any], known: tuple[str, ...], path: str) -> None:
    problems = Problems()
    for name in told:
        if name not in known:
            problems.add(f"{path}.{shown(name)}", f"is not known here; known are {', '.join(known)}")
    problems.refuse_if_any()
