"""Serves the accelerated form of a model with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from legion_ci.core.errors import ConfigurationError, missing_package
from legion_ci.serving.accelerated import form as forms
from legion_ci.serving.inputs import ArrayInputs
from legion_ci.serving.predictions import Predictions, checked
from legion_ci.serving.rows import Rows
from legion_ci.serving.signature import Kind, Sample, Signature

if TYPE_CHECKING:
    import pyarrow as pa

_DTYPES: dict[Kind, str] = {"integer": "int64", "string": "object", "boolean": "bool"}


class OnnxModel:
    """An ONNX graph that predicts what the model predicts, within ``tolerance``."""

    row_wise = True

    def __init__(self, signature: Signature, form: forms.Form, session: Any) -> None:
        self.signature, self.tolerance = signature, form.tolerance
        self._session, self._form = session, form
        self._array = ArrayInputs(signature, form.inputs) if form.matrix else None
        self._columns = [(i, c.name, _dtype(c.kind, c.nullable, form.width)) for i, c in enumerate(signature.columns)
                         if c.name in form.inputs]  # fmt: skip

    def predict(self, rows: Rows) -> Predictions:
        """Predictions of checked rows."""
        values: list[Any] = []
        for result in self._session.run(None, self._feed(rows.data)):
            values.extend((result,) if result.ndim == 1 else result.T)
        return checked(Predictions(self._form.outputs, tuple(values)), len(rows.data))

    def predict_table(self, table: pa.Table) -> Predictions:
        """Predictions of a table."""
        columns = [table.column(name).to_pylist() for name in self.signature.names]
        return self.predict(Rows(list(zip(*columns, strict=True))))

    def _feed(self, rows: Any) -> dict[str, Any]:
        import numpy as np

        if self._array is not None:
            return {"X": self._array.of_rows(rows).astype(self._form.width, copy=False)}
        by_column = list(zip(*rows, strict=True))
        return {name: np.array(by_column[i], dtype=dtype).reshape(-1, 1) for i, name, dtype in self._columns}


def load(folder: Path, artefact: str, sample: Sample | None) -> OnnxModel:
    """Load the form; raises ConfigurationError when it is not the artefact's, PluginError without onnxruntime."""
    form = forms.read(folder, artefact)
    if sample is None:
        raise ConfigurationError("there is no head_input.json", where=str(folder), todo="train the model again")
    return of_bytes(sample.signature(), form, (folder / forms.MODEL).read_bytes())


def of_bytes(signature: Signature, form: forms.Form, model: bytes) -> OnnxModel:
    """The model of a serialised graph; it computes in one thread, as all models here."""
    try:
        import onnxruntime
    except ImportError as error:
        raise missing_package(error, "the accelerated form") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return OnnxModel(signature, form, session)


def _dtype(kind: Kind, nullable: bool, width: str) -> str:
    """As FrameInputs: a whole number that may be null is a float."""
    return width if kind == "number" or (kind == "integer" and nullable) else _DTYPES[kind]
