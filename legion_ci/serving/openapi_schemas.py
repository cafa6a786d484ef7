"""JSON schemas of the bodies that the server takes and answers, from the model's signature and samples."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from legion_ci.serving.signature import Column, Kind, Signature
from legion_ci.serving.v2 import ACCEPTED, DATATYPES

Schema = dict[str, Any]
Samples = Sequence[Sequence[Any]]

_TYPES = {"integer": "integer", "number": "number", "string": "string", "boolean": "boolean", "datetime": "string"}
_INT64 = 1 << 63


def _object(required: Sequence[str], **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


TEXT: Schema = {"type": "string"}
MESSAGE = _object(["message"], message=TEXT)
PROBLEMS = _object(
    ["message", "problems"], message=TEXT, problems=_list(_object(["path", "problem"], path=TEXT, problem=TEXT))
)
STATUS = _object(["status"], status={"type": "boolean"})
PREDICTIONS = _object(["predictions"], predictions={"type": "array"})
V2_FAILED = _object(["error"], error=TEXT)
V2_WRONG = _object(["error", "problems"], error=TEXT, problems=PROBLEMS["properties"]["problems"])
SERVER = _object(["name", "version", "extensions"], name=TEXT, version=TEXT, extensions=_list(TEXT))
_SHAPE = _list({"type": "integer"})
_TENSOR = _object(["name", "datatype", "shape"], name=TEXT, datatype=TEXT, shape=_SHAPE)
MODEL = _object(["name", "platform", "inputs", "outputs"], name=TEXT, platform=TEXT, versions=_list(TEXT),
                inputs=_list(_TENSOR), outputs=_list(_TENSOR))  # fmt: skip
_OUTPUT = _object(["name", "datatype", "shape", "data"], name=TEXT, datatype=TEXT, shape=_SHAPE, data={"type": "array"})
INFERRED = _object(["model_name", "outputs"], model_name=TEXT, model_version=TEXT, id=TEXT, outputs=_list(_OUTPUT))


def flag(name: str) -> Schema:
    """An object of one truth value."""
    return _object([name], **{name: {"type": "boolean"}})


def column(c: Column, nullable: bool | None = None) -> Schema:
    """A value of a column. nullable: whether null is allowed, by default what the signature says."""
    null = c.nullable if nullable is None else nullable
    types = [_TYPES[c.kind], *(["null"] if null else [])]
    schema: Schema = {"title": c.name, "type": types if len(types) > 1 else types[0]}
    if c.kind == "datetime":
        schema["format"] = "date-time"
    if c.kind == "integer":
        schema |= {"minimum": -_INT64, "maximum": _INT64 - 1}
    return schema if c.example is None else {**schema, "example": c.example}


def matrix(signature: Signature | None, rows_name: str, rows: Samples) -> Schema:
    """An object of ``columns`` and rows of exactly the model's columns; the client may name them in its own order."""
    row: Schema = {"type": "array"}
    names = _list(TEXT)
    if signature is not None:
        row = _row(signature)
        names = {"type": "array", "const": list(signature.names), "example": list(signature.names)}
    table: Schema = {**_list(row), "minItems": 1, "maxItems": 10_000}
    if rows:
        table["example"] = [list(r) for r in rows]
    return {**_object([rows_name], **{"columns": names, rows_name: table}), "additionalProperties": False}


def answers(signature: Signature | None, rows: Samples) -> Schema:
    """Legion's answer; a number that is not finite is null."""
    row: Schema = {"type": "array"}
    if signature is not None:
        types = sorted({_TYPES[c.kind] for c in signature.columns} | {"null"})
        row = {**_list({"type": types}), "minItems": len(signature.columns), "maxItems": len(signature.columns)}
    table = _list(row) | ({"example": [list(r) for r in rows]} if rows else {})
    return _object(["prediction", "columns"], prediction=table, columns=_list(TEXT))


def invocations(signature: Signature | None, rows: Samples) -> Schema:
    """MLflow's four JSON forms."""
    columns = [c for c in signature.columns if c.required] if signature else []
    by_column = {
        c.name: {**_list(column(c)), "minItems": 1, "maxItems": 1} for c in (signature.columns if signature else ())
    }
    named: Schema = {"type": "object", "minProperties": 1}
    whole: Schema = {"type": "object", "minProperties": 1}
    if signature is not None:
        required = [c.name for c in columns]
        named = {**_object(required, **{c.name: column(c) for c in signature.columns}), "additionalProperties": False}
        whole = {**_object(list(by_column), **by_column), "additionalProperties": False}
    forms: dict[str, Schema] = {
        "dataframe_split": matrix(signature, "data", rows),
        "dataframe_records": {**_list(named), "minItems": 1},
        "instances": {**_list(_row(signature) if signature else {"type": "array"}), "minItems": 1},
        "inputs": whole,
    }
    return {
        "oneOf": [{**_object([name], **{name: form}), "additionalProperties": False} for name, form in forms.items()]
    }


def infer(signature: Signature | None, rows: Samples) -> Schema:
    """Tensors: one of one row for every column, or any for a model that tells none."""
    if signature is None:
        tensors: Schema = {**_list(_OUTPUT), "minItems": 1}
    else:
        told = [_tensor(c) for c in signature.columns]
        tensors = {"type": "array", "prefixItems": told, "items": False, "minItems": len(told), "maxItems": len(told)}
    if signature is not None and rows:
        pairs = zip(signature.columns, rows[0], strict=True)
        tensors["example"] = [
            {"name": c.name, "datatype": DATATYPES[c.kind], "shape": [1], "data": [v]} for c, v in pairs
        ]
    return _object(["inputs"], id=TEXT, inputs=tensors)


def csv_text(signature: Signature | None, rows: Samples) -> str:
    """The samples as CSV with a header."""
    if signature is None:
        return "a,b\n1,2\n"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([signature.names, *rows])
    return text.getvalue()


def _row(signature: Signature) -> Schema:
    told = [column(c) for c in signature.columns]
    return {"type": "array", "prefixItems": told, "items": False, "minItems": len(told), "maxItems": len(told)}


def _tensor(c: Column) -> Schema:
    kind: Kind = c.kind
    one = {**_list(column(c)), "minItems": 1, "maxItems": 1}
    told = _object(["name", "datatype", "shape", "data"], name={"const": c.name},
                   datatype={"enum": list(ACCEPTED[kind])}, shape={"const": [1]}, data=one)  # fmt: skip
    return {**told, "additionalProperties": False}
