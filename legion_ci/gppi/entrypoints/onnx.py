"""Entry point of the General Python Prediction Interface over an ONNX graph, converted by legion-ci gppi.convert."""

import os
from pathlib import Path

import numpy as np
import onnxruntime

_KINDS = {
    "tensor(float)": ("number", np.float32), "tensor(double)": ("number", np.float64), "tensor(int64)": ("integer", np.int64),
    "tensor(int32)": ("integer", np.int32), "tensor(bool)": ("boolean", np.bool_), "tensor(string)": ("string", object),
}  # fmt: skip
_state = {}


def init():
    """Open the graph; rows are matrices."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = Path(os.environ["MODEL_LOCATION"]) / "model.onnx"
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    unknown = [i.name for i in inputs if i.type not in _KINDS or len(i.shape) != 2]
    if unknown:
        raise ValueError(f"inputs {', '.join(unknown)} are no tables of numbers or texts")
    matrix = len(inputs) == 1 and inputs[0].shape[1] != 1
    _state.update(session=session, inputs=inputs, matrix=matrix)
    return "matrix"


def info():
    """Inputs where the graph names each column; a graph over one matrix leaves their names to the samples."""
    if _state["matrix"]:
        return [], []
    told = [{"name": i.name, "type": _KINDS[i.type][0], "example": None, "required": True} for i in _state["inputs"]]
    return told, []


def predict_on_matrix(input_matrix, provided_columns_names=None):
    """Run the graph; every output that is a row of numbers or one value a row is a column."""
    rows = [list(row) for row in input_matrix]
    inputs = _state["inputs"]
    if _state["matrix"]:
        feed = {inputs[0].name: np.array(rows, dtype=_KINDS[inputs[0].type][1])}
    else:
        order = list(provided_columns_names) if provided_columns_names else [i.name for i in inputs]
        feed = {i.name: np.array([[row[order.index(i.name)]] for row in rows], dtype=_KINDS[i.type][1]) for i in inputs}
    names, columns = [], []
    for output, value in zip(_state["session"].get_outputs(), _state["session"].run(None, feed), strict=True):
        for name, column in _columns(output.name, value):
            names.append(name)
            columns.append(column)
    names = ["prediction", *names[1:]]
    return [list(row) for row in zip(*columns, strict=True)], tuple(names)


def _columns(name, value):
    """The columns of one output; a list of mappings is what classifiers of scikit-learn give as probabilities."""
    if isinstance(value, list):
        return [(f"probability_{k}", [row[k] for row in value]) for k in (value[0] if value else ())]
    flat = np.asarray(value).reshape(len(value), -1)
    if flat.shape[1] == 1:
        return [(name, flat[:, 0].tolist())]
    return [(f"{name}_{i}", flat[:, i].tolist()) for i in range(flat.shape[1])]
