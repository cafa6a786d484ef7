"""Serves every other MLflow flavour through ``mlflow.pyfunc``, where mlflow is installed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from legion_ci.core.errors import ConfigurationError, PluginError
from legion_ci.serving.artefact import ModelFolder
from legion_ci.serving.inputs import ArrayInputs, FrameInputs, Inputs, training_schema
from legion_ci.serving.predictions import Predictions, of_result
from legion_ci.serving.rows import Rows
from legion_ci.serving.signature import Sample, Signature

if TYPE_CHECKING:
    import pyarrow as pa


class PyfuncModel:
    """A pyfunc model. It must treat rows one by one, as MLflow's own batch tools ask of it."""

    row_wise = True

    def __init__(self, model: Any, signature: Signature, inputs: Inputs) -> None:
        self.signature = signature
        self._model, self._inputs = model, inputs

    def predict(self, rows: Rows) -> Predictions:
        """Predictions of rows."""
        return of_result(self._model.predict(self._inputs.of_rows(rows.data)), len(rows.data))

    def predict_table(self, table: pa.Table) -> Predictions:
        """Predictions of a table."""
        return of_result(self._model.predict(self._inputs.of_table(table)), table.num_rows)


def load(folder: ModelFolder, sample: Sample | None) -> PyfuncModel:
    """Load the model; raises PluginError where mlflow is not installed."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        import mlflow.pyfunc
    except ImportError as error:
        raise PluginError(
            "the model's flavour needs mlflow, which is not installed",
            where=str(folder.model_dir),
            todo="add mlflow-skinny and what the flavour needs to the model's requirements",
        ) from error
    if sample is None:
        raise ConfigurationError(
            "there is no head_input.json", where=str(folder.model_dir), todo="train the model again"
        )
    model = mlflow.pyfunc.load_model(str(folder.model_dir))
    signature = sample.signature()
    if _takes_arrays(model) and signature.numeric:
        return PyfuncModel(model, signature, ArrayInputs(signature))
    return PyfuncModel(model, signature, FrameInputs(training_schema(folder.model_dir, signature), signature.names))


def _takes_arrays(model: Any) -> bool:
    inputs = getattr(model.metadata.signature, "inputs", None)
    return inputs is not None and bool(inputs.is_tensor_spec())
