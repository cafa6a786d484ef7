"""Turns a scikit-learn model into an ONNX graph."""

from __future__ import annotations

from typing import Any, Literal

from legion_ci.serving.signature import Column, Signature

Width = Literal["float64", "float32"]
WIDTHS: tuple[Width, ...] = ("float64", "float32")


class NotConverted(Exception):
    """The model has no such form; the message says why."""


def to_onnx(estimator: Any, signature: Signature, names: tuple[str, ...], matrix: bool, width: Width) -> bytes:
    """The graph, the same bytes for the same model; raises NotConverted.

    names: the columns that the model takes, in its order. matrix: all in one input ``X``, else one input for each.
    """
    from skl2onnx import to_onnx as convert

    inputs = _inputs(signature, names, matrix, width)
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
    try:
        graph = convert(estimator, initial_types=inputs, options=options, name="model")
    except Exception as error:  # whatever the converters raise, it does not convert
        raise NotConverted(f"skl2onnx: {' '.join(str(error).split())[:200]}") from error
    return bytes(graph.SerializeToString())


def _inputs(signature: Signature, names: tuple[str, ...], matrix: bool, width: Width) -> list[tuple[str, Any]]:
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    if matrix:
        kind = DoubleTensorType if width == "float64" else FloatTensorType
        return [("X", kind([None, len(names)]))]
    by_name = {c.name: c for c in signature.columns}
    return [(name, _tensor(by_name[name], width)) for name in names]


def _tensor(column: Column, width: Width) -> Any:
    from skl2onnx.common import data_types as types

    shape = [None, 1]
    if column.kind == "datetime" or (column.kind in ("string", "boolean") and column.nullable):
        what = "a date" if column.kind == "datetime" else f"a {column.kind} that may be null"
        raise NotConverted(f"column {column.name} is {what}, which ONNX does not know")
    if column.kind == "string":
        return types.StringTensorType(shape)
    if column.kind == "boolean":
        return types.BooleanTensorType(shape)
    if column.kind == "integer" and not column.nullable:
        return types.Int64TensorType(shape)
    return types.DoubleTensorType(shape) if width == "float64" else types.FloatTensorType(shape)
