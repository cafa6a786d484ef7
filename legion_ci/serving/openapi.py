"""Describes the server's interface with the model's own columns, types and examples, as an OpenAPI 3.1 document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from legion_ci.serving import openapi_schemas as schemas
from legion_ci.serving.signature import Sample, Signature, as_info

_TOLD = {name: {"schema": {"type": "string"}} for name in ("Request-Id", "Model-Name", "Model-Version", "Model-Digest")}
_REQUEST_ID = {"name": "Request-Id", "in": "header", "required": False, "schema": {"type": "string"}}


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
        "paths": {**_predictions(model), **_pages(), **_v2(name, version, model)},
        "x-legion": {"inputs": as_info(model.inputs), "outputs": as_info(model.outputs)},
    }


def _predictions(model: Document) -> dict[str, Any]:
    rows, answers = schemas.matrix(model.inputs, "data", model.rows), schemas.answers(model.outputs, model.answers)
    mlflow = {"application/json": {"schema": schemas.invocations(model.inputs, model.rows)},
              "text/csv": {"schema": {"type": "string"}, "example": schemas.csv_text(model.inputs, model.rows)}}  # fmt: skip
    return {
        "/api/model/invoke": {"post": _operation("Predict rows", _json(rows), answers)},
        "/invocations": {"post": _operation("Predict rows, MLflow's protocol", mlflow, schemas.PREDICTIONS)},
    }


def _pages() -> dict[str, Any]:
    any_object, text = {"type": "object"}, {"type": "string"}
    return {
        "/api/model/info": {"get": _page("This document", _json(any_object), loads=True)},
        "/healthcheck": {"get": _page("Whether the model is ready", _json(schemas.STATUS), loads=True)},
        "/ping": {"get": _page("Whether the model is ready", _text(text), loads=True)},
        "/health": {"get": _page("Whether the model is ready", _text(text), loads=True)},
        "/version": {"get": _page("The server's version", _text(text))},
        "/metrics": {"get": _page("Counters for Prometheus", _text(text))},
    }


def _v2(name: str, version: str, model: Document) -> dict[str, Any]:
    """Paths of the Open Inference Protocol."""
    paths: dict[str, Any] = {
        "/v2": {"get": _page("The server", _json(schemas.SERVER))},
        "/v2/health/live": {"get": _page("Whether the server runs", _json(schemas.flag("live")))},
        "/v2/health/ready": {"get": _page("Whether the model is ready", _json(schemas.flag("ready")), loads=True)},
    }
    short = f"/v2/models/{quote(name, safe='')}"
    for at in (short, f"{short}/versions/{quote(version, safe='')}"):
        infer = _json(schemas.infer(model.inputs, model.rows))
        paths |= {
            at: {"get": _page("The model's tensors", _json(schemas.MODEL), loads=True)},
            f"{at}/ready": {"get": _page("Whether the model is ready", _json(schemas.flag("ready")), loads=True)},
            f"{at}/infer": {"post": _operation("Predict tensors", infer, schemas.INFERRED, schemas.V2_WRONG)},
        }
    return paths


def _operation(
    summary: str, request: dict[str, Any], answer: dict[str, Any], wrong: dict[str, Any] | None = None
) -> dict[str, Any]:
    told = {"400": "The request does not fit the model", "405": "Not a POST", "408": "Too slow", "413": "Too large",
            "415": "Another content type or encoding"}  # fmt: skip
    problems = {code: _response(text, _json(wrong or schemas.PROBLEMS)) for code, text in told.items()}
    failed = {"500": _failed("The model failed", wrong), "503": _failed("Not ready, or too busy", wrong)}
    return {
        "summary": summary,
        "parameters": [_REQUEST_ID],
        "requestBody": {"required": True, "content": request},
        "responses": {"200": _response("Predictions", _json(answer)), **problems, **failed},
    }


def _failed(text: str, wrong: dict[str, Any] | None) -> dict[str, Any]:
    return _response(text, _json(schemas.V2_FAILED if wrong else schemas.MESSAGE))


def _page(text: str, content: dict[str, Any], loads: bool = False) -> dict[str, Any]:
    loading = {"503": {"description": "The model is loading", "headers": _TOLD}} if loads else {}
    wrong = {"405": _response("Not a GET", _json(schemas.PROBLEMS))}
    return {"summary": text, "responses": {"200": _response(text, content), **loading, **wrong}}


def _response(text: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "headers": _TOLD, "content": content}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _text(schema: dict[str, Any]) -> dict[str, Any]:
    return {"text/plain": {"schema": schema}}
