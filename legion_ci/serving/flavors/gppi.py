"""Serves a hand-written entry point of the General Python Prediction Interface: ``init``, ``predict_on_matrix``, ``info``."""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import TYPE_CHECKING, Any

from legion_ci.core.errors import ConfigurationError
from legion_ci.serving.artefact import ModelFolder
from legion_ci.serving.predictions import Predictions, checked, named
from legion_ci.serving.rows import Rows
from legion_ci.serving.signature import Sample, Signature, of_info

if TYPE_CHECKING:
    import pyarrow as pa


class GppiModel:
    """An initialised entry point. Requests never share a call: nothing says that its rows are independent."""

    row_wise = False

    def __init__(self, module: ModuleType, signature: Signature | None) -> None:
        self.signature = signature
        self._module = module
        serializer = getattr(module, "get_output_json_serializer", lambda: None)()
        self._plain = serializer().default if serializer else None

    def predict(self, rows: Rows) -> Predictions:
        """Predictions of rows; the columns are those that the entry point names."""
        names = self.signature.names if self.signature else rows.names
        return self._predict([list(row) for row in rows.data], names)

    def predict_table(self, table: pa.Table) -> Predictions:
        """Predictions of a table; without a signature all its columns are given."""
        known = table.select(list(self.signature.names)) if self.signature else table
        rows = [list(row) for row in zip(*(c.to_pylist() for c in known.columns), strict=True)]
        return self._predict(rows, tuple(known.column_names))

    def _predict(self, rows: list[list[Any]], names: tuple[str, ...] | None) -> Predictions:
        told = self._module.predict_on_matrix(rows, provided_columns_names=list(names) if names else None)
        matrix, columns = told
        values = [_row(row) for row in (matrix.tolist() if hasattr(matrix, "tolist") else matrix)]
        width = len(values[0]) if values else len(tuple(columns or ()))
        given = tuple(map(str, columns)) if columns is not None and len(columns) else named(width)
        if any(len(row) != len(given) for row in values):
            raise ValueError(f"predict_on_matrix named {len(given)} columns and returned rows of {width} values")
        if self._plain is not None:
            values = [
                [v if v is None or isinstance(v, str | int | float) else self._plain(v) for v in row] for row in values
            ]
        by_column = tuple(list(c) for c in zip(*values, strict=True)) if values else tuple([] for _ in given)
        return checked(Predictions(given, by_column), len(rows))


def load(folder: ModelFolder, sample: Sample | None) -> GppiModel:
    """Import and initialise the entry point; raises ConfigurationError when it lacks a function or is not of 'matrix'."""
    where = str(folder.model_dir / f"{folder.entrypoint}.py")
    os.environ["MODEL_LOCATION"] = str(folder.model_dir)
    module = importlib.import_module(folder.entrypoint)
    lacking = [f for f in ("init", "predict_on_matrix") if not callable(getattr(module, f, None))]
    if lacking:
        todo = "see the General Python Prediction Interface"
        raise ConfigurationError([f"{where}: there is no function {f}; {todo}" for f in lacking])
    kind = module.init()
    if kind != "matrix":
        raise ConfigurationError(f"init() returned {kind!r}", where=where, todo="only 'matrix' can be served")
    told = module.info()[0] if callable(getattr(module, "info", None)) else []
    return GppiModel(module, of_info(told, where) or (sample.signature() if sample else None))


def _row(row: Any) -> list[Any]:
    plain = row.tolist() if hasattr(row, "tolist") else row
    return list(plain) if isinstance(plain, list | tuple) else [plain]
