"""The Open Inference Protocol, version 2, over REST with JSON tensors: what it is asked and what it answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from legion_ci import __version__
from legion_ci.serving import cells
from legion_ci.serving.body import json_object
from legion_ci.serving.captures import Identity
from legion_ci.serving.predictions import Answer, encode
from legion_ci.serving.problems import Problems, refused
from legion_ci.serving.protocols import Protocols
from legion_ci.serving.rows import Rows, listed_rows, shown
from legion_ci.serving.signature import Kind, Signature

DATATYPES: dict[Kind, str] = {
    "number": "FP64",
    "integer": "INT64",
    "boolean": "BOOL",
    "string": "BYTES",
    "datetime": "BYTES",
}
_INTEGERS = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
_NUMBERS = (*_INTEGERS, "FP16", "FP32", "FP64")
ACCEPTED: dict[Kind, tuple[str, ...]] = {
    "number": _NUMBERS, "integer": _NUMBERS, "boolean": ("BOOL",), "string": ("BYTES",), "datetime": ("BYTES",),
}  # fmt: skip
_MOST_TENSORS = 10_000
_MOST_DIMENSIONS = 8


@dataclass(frozen=True)
class Asked:
    """What a request wants back. outputs: the names of the tensors, None for all."""

    id: str
    outputs: tuple[str, ...] | None


@dataclass(frozen=True)
class Tensor:
    """One input of a request: its values in row-major order, checked against its shape."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any]
    path: str


class Inference:
    """Reads and writes ``infer`` for one model; every reader raises Refused with all that is wrong."""

    def __init__(
        self, who: Identity, protocols: Protocols, inputs: Signature | None, outputs: Signature | None
    ) -> None:
        self._who, self._protocols, self._inputs, self._outputs = who, protocols, inputs, outputs
        self._kinds = {c.name: c.kind for c in inputs.columns} if inputs else {}

    def read(self, body: bytes) -> tuple[Rows, Asked]:
        """Rows of one tensor a column, or of one tensor of two dimensions that holds all of them."""
        told = json_object(body)
        problems = Problems()
        tensors = _tensors(told.get("inputs"), problems)
        asked = Asked(_id(told, problems), _outputs(told.get("outputs"), problems))
        problems.refuse_if_any()
        matrix = self._matrix(tensors)
        if matrix is not None:
            return self._of_matrix(matrix), asked
        return self._of_columns(tensors), asked

    def write(self, asked: Asked, answer: Answer) -> bytes:
        """One tensor a column of the predictions; raises Refused when one is asked for that there is not."""
        problems = Problems()
        for i, name in enumerate(asked.outputs or ()):
            if name not in answer.columns:
                known = ", ".join(answer.columns)
                problems.add(f"outputs[{i}].name", f"the model has no output {shown(name)}; known are {known}")
        problems.refuse_if_any()
        wanted = asked.outputs if asked.outputs is not None else answer.columns
        by_name = dict(zip(answer.columns, zip(*answer.rows, strict=True), strict=True))
        told = {"model_name": self._who.model_name, "model_version": self._who.model_version,
                "outputs": [_output(name, by_name[name], self._outputs) for name in wanted]}  # fmt: skip
        return encode({**told, "id": asked.id} if asked.id else told)

    def metadata(self) -> bytes:
        """The model's metadata."""
        return encode({
            "name": self._who.model_name, "versions": [self._who.model_version], "platform": "legion",
            "inputs": tensors_of(self._inputs), "outputs": tensors_of(self._outputs),
        })  # fmt: skip

    def _matrix(self, tensors: Sequence[Tensor]) -> Tensor | None:
        """The one tensor that holds all columns, if that is what was sent."""
        [first, *others] = tensors
        if others or len(first.shape) != 2 or (first.name in self._kinds and first.shape[1] == 1):
            return None
        return first

    def _of_matrix(self, tensor: Tensor) -> Rows:
        problems = Problems()
        kinds = set(self._kinds.values())
        if kinds and not any(tensor.datatype in ACCEPTED[kind] for kind in kinds):
            problems.add(f"{tensor.path}.datatype", f"must be {_one_datatype(kinds)}, not {tensor.datatype}")
        if len(kinds & {"string", "datetime"}) and kinds - {"string", "datetime"}:
            problems.add(tensor.path, "the model's columns differ in type; send one tensor a column")
        problems.refuse_if_any()
        n_rows, width = tensor.shape
        rows = [tensor.data[i * width : (i + 1) * width] for i in range(n_rows)]
        return self._protocols.read_table(None, rows, f"{tensor.path}.columns", f"{tensor.path}.data")

    def _of_columns(self, tensors: Sequence[Tensor]) -> Rows:
        problems = Problems()
        seen: dict[str, list[Any]] = {}
        for tensor in tensors:
            if tensor.name in seen:
                problems.add(f"{tensor.path}.name", f"the tensor {shown(tensor.name)} is there twice")
            if len(tensor.shape) not in (1, 2) or tensor.shape[1:] not in ((), (1,)):
                problems.add(f"{tensor.path}.shape", "must be [rows] or [rows, 1]; one tensor holds one column")
            kind = self._kinds.get(tensor.name)
            if kind is not None and tensor.datatype not in ACCEPTED[kind]:
                problems.add(f"{tensor.path}.datatype", f"must be {DATATYPES[kind]}, not {tensor.datatype}")
            seen[tensor.name] = tensor.data
        problems.refuse_if_any()
        return self._protocols.read_columns(seen, "inputs")


def tensors_of(signature: Signature | None) -> list[dict[str, Any]]:
    """The columns as tensors of any number of rows."""
    return (
        [{"name": c.name, "datatype": DATATYPES[c.kind], "shape": [-1]} for c in signature.columns] if signature else []
    )


def server_metadata() -> bytes:
    """The server's metadata."""
    return encode({"name": "legion-ci", "version": __version__, "extensions": []})


def _tensors(inputs: Any, problems: Problems) -> list[Tensor]:
    listed = listed_rows(inputs, "inputs", _MOST_TENSORS, problems)
    return [t for i, told in enumerate(listed) if (t := _tensor(told, f"inputs[{i}]", problems)) is not None]


def _tensor(told: Any, path: str, problems: Problems) -> Tensor | None:
    if not isinstance(told, dict):
        problems.add(path, f"must be an object with name, datatype, shape and data, not {cells.called(told)}")
        return None
    before = problems.count
    parameters = told.get("parameters")
    if isinstance(parameters, dict) and "binary_data_size" in parameters:
        problems.add(f"{path}.parameters.binary_data_size", "binary tensors are not taken; send data as JSON")
        return None
    name, datatype = told.get("name"), told.get("datatype")
    if not isinstance(name, str):
        problems.add(f"{path}.name", "is missing" if name is None else f"must be a string, not {cells.called(name)}")
    if datatype not in (*_NUMBERS, "BOOL", "BYTES"):
        what = "is missing" if datatype is None else f"must be one of {', '.join((*_NUMBERS, 'BOOL', 'BYTES'))}"
        problems.add(f"{path}.datatype", what)
    shape = _shape(told.get("shape"), f"{path}.shape", problems)
    data = _flat(told.get("data"), f"{path}.data", problems)
    if problems.count == before and len(data) != math.prod(shape):
        problems.add(
            f"{path}.data", f"must hold {math.prod(shape)} values for the shape {list(shape)} (found {len(data)})"
        )
    return Tensor(name, datatype, shape, data, path) if problems.count == before else None  # type: ignore[arg-type]


def _shape(told: Any, path: str, problems: Problems) -> tuple[int, ...]:
    if told is None:
        problems.add(path, "is missing")
    elif not isinstance(told, list) or not 0 < len(told) <= _MOST_DIMENSIONS or not all(map(_size, told)):
        problems.add(path, f"must be a list of 1 to {_MOST_DIMENSIONS} whole numbers above 0")
    else:
        return tuple(told)
    return ()


def _size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 31


def _flat(told: Any, path: str, problems: Problems) -> list[Any]:
    """Values in row-major order of a flat or nested list."""
    if not isinstance(told, list):
        problems.add(path, "is missing" if told is None else f"must be a list, not {cells.called(told)}")
        return []
    flat = told
    for _ in range(_MOST_DIMENSIONS):
        if not any(isinstance(value, list) for value in flat):
            return flat
        flat = [v for value in flat for v in (value if isinstance(value, list) else [value])]
    problems.add(path, f"must be nested at most {_MOST_DIMENSIONS} lists deep")
    return []


def _id(told: dict[str, Any], problems: Problems) -> str:
    found = told.get("id", "")
    if isinstance(found, str):
        return found
    problems.add("id", f"must be a string, not {cells.called(found)}")
    return ""


def _outputs(told: Any, problems: Problems) -> tuple[str, ...] | None:
    if told in (None, []):
        return None
    if not isinstance(told, list):
        problems.add("outputs", f"must be a list, not {cells.called(told)}")
        return None
    names = [one.get("name") if isinstance(one, dict) else None for one in told]
    for i, name in enumerate(names):
        if not isinstance(name, str):
            problems.add(f"outputs[{i}].name", "must be an output's name")
    return tuple(name for name in names if isinstance(name, str))


def _output(name: str, values: Sequence[Any], known: Signature | None) -> dict[str, Any]:
    kinds = {c.name: c.kind for c in known.columns} if known else {}
    datatype = DATATYPES[kinds[name]] if name in kinds else _datatype(values)
    return {"name": name, "datatype": datatype, "shape": [len(values)], "data": values}


def _datatype(values: Sequence[Any]) -> str:
    found = {type(v) for v in values if v is not None}
    if found <= {bool} and found:
        return "BOOL"
    if found <= {int, bool} and found:
        return "INT64"
    return "FP64" if found <= {int, bool, float} else "BYTES"


def _one_datatype(kinds: set[Kind]) -> str:
    return " or ".join(sorted({DATATYPES[kind] for kind in kinds}))


def refuse_binary(length: str) -> None:
    """Refuse a request in the protocol's binary form; length: its Inference-Header-Content-Length."""
    if length:
        todo = "binary tensors are not taken; send them as JSON (tritonclient: binary_data=False)"
        raise refused(415, "header Inference-Header-Content-Length", todo)
