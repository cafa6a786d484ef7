"""Describes the server's interface with the model's own columns, types and examples, as an OpenAPI 3.1 document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from legion_ci.serving.signature import Column, Sample, Signature, as_info

_TYPES = {"integer": "integer", "number": "number", "string": "string", "boolean": "boolean", "datetime": "string"}
_PROBLEMS = {
    "type": "object",
    "required": ["message", "problems"],
    "properties": {
        "message": {"type": "string"},
        "problems": {
            "type": "array",
            "items": {"type": "object", "properties": {"path": {"type": "string"}, "problem": {"type": "string"}}},
        },
    },
}
_MESSAGE = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}


@dataclass(frozen=True)
class Document:
    """What is known of a model's inputs and outputs. rows: sample rows of the inputs, as JSON values."""

    inputs: Signature | None
    outputs: Signature | None
    rows: tuple[tuple[Any, ...], ...] = ()
    answers: tuple[tuple[Any, ...], ...] = ()

    @classmethod
    def of_samples(cls, inputs: Signature | None, head_input: Sample | None, head_output: Sample | None) -> Document:
        """From the signature and the artefact's samples; one row of each serves as the example."""
        known = head_input is not None and inputs is not None and tuple(head_input.columns) == inputs.names
        return cls(
            inputs=inputs,
            outputs=head_output.signature() if head_output else None,
            rows=tuple(map(tuple, head_input.data[:1])) if head_input and known else (),
            answers=tuple(map(tuple, head_output.data[:1])) if head_output else (),
        )


def describe(name: str, version: str, model: Document) -> dict[str, Any]:
    """The document. ``x-legion`` holds inputs and outputs as GPPI's ``info()`` tells them."""
    return {
        "openapi": "3.1.0",
        "info": {"title": name, "version": version},
        "paths": {
            "/api/model/invoke": {"post": _operation("Predict rows", _invoke(model), _predicted(model))},
            "/invocations": {
                "post": _operation("Predict rows, MLflow's protocol", _invocations(model), _free("predictions"))
            },
            "/api/model/info": {"get": _page("This document", "application/json", {"type": "object"})},
            "/healthcheck": {"get": _page("Whether the model is ready", "application/json", {"type": "object"})},
            "/ping": {"get": _page("Whether the model is ready", "text/plain", {"type": "string"})},
            "/version": {"get": _page("The server's version", "text/plain", {"type": "string"})},
            "/metrics": {"get": _page("Counters for Prometheus", "text/plain", {"type": "string"})},
        },
        "x-legion": {"inputs": as_info(model.inputs), "outputs": as_info(model.outputs)},
    }


def _operation(summary: str, request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    wrong = {
        code: _content(text, _PROBLEMS)
        for code, text in (
            ("400", "The request does not fit the model"),
            ("405", "Not a POST"),
            ("413", "Too large"),
            ("415", "Not JSON"),
        )
    }
    failed = {"500": _content("The model failed", _MESSAGE), "503": _content("Not ready, or too busy", _MESSAGE)}
    return {
        "summary": summary,
        "parameters": [{"name": "Request-Id", "in": "header", "required": False, "schema": {"type": "string"}}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
        "responses": {"200": _content("Predictions", answer), **wrong, **failed},
    }


def _page(text: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"summary": text, "responses": {"200": {"description": text, "content": {media_type: {"schema": schema}}}}}


def _content(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _invoke(model: Document) -> dict[str, Any]:
    return {**_matrix(model.inputs, "data", model.rows), "additionalProperties": False, "required": ["data"]}


def _predicted(model: Document) -> dict[str, Any]:
    return {**_matrix(model.outputs, "prediction", model.answers), "required": ["prediction", "columns"]}


def _invocations(model: Document) -> dict[str, Any]:
    split = {"dataframe_split": _invoke(model)}
    named = _record(model.inputs)
    others: dict[str, Any] = {
        "dataframe_records": {"type": "array", "items": named},
        "instances": {"type": "array"},
        "inputs": {},
    }
    return {"oneOf": [_only(name, schema) for name, schema in {**split, **others}.items()]}


def _only(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": [name], "properties": {name: schema}, "additionalProperties": False}


def _free(name: str) -> dict[str, Any]:
    return {"type": "object", "required": [name], "properties": {name: {"type": "array"}}}


def _matrix(signature: Signature | None, rows_name: str, rows: tuple[tuple[Any, ...], ...]) -> dict[str, Any]:
    """An object of ``columns`` and rows."""
    names: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
    row: dict[str, Any] = {"type": "array"}
    if signature is not None:
        names["example"] = list(signature.names)
        row = {"type": "array", "prefixItems": [_column(c) for c in signature.columns], "items": _any_of(signature)}
    table: dict[str, Any] = {"type": "array", "minItems": 1, "items": row}
    if rows:
        table["example"] = [list(r) for r in rows]
    return {"type": "object", "properties": {"columns": names, rows_name: table}}


def _any_of(signature: Signature) -> dict[str, Any]:
    """What a value at any place of a row may be, as the client may name the columns in its own order."""
    types = {t for c in signature.columns for t in _types(c)}
    return {"type": sorted(types)}


def _record(signature: Signature | None) -> dict[str, Any]:
    if signature is None:
        return {"type": "object"}
    required = [c.name for c in signature.columns if c.required]
    properties = {c.name: _column(c) for c in signature.columns}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _column(column: Column) -> dict[str, Any]:
    types = _types(column)
    schema: dict[str, Any] = {"title": column.name, "type": types if len(types) > 1 else types[0]}
    if column.kind == "datetime":
        schema["format"] = "date-time"
    return schema if column.example is None else {**schema, "example": column.example}


def _types(column: Column) -> list[str]:
    return [_TYPES[column.kind], *(["null"] if column.nullable else [])]
