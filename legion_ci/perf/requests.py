"""What is sent: each request with its path, its body and what a good answer holds, in a file that generators read."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from legion_ci.core.files import write_atomic

Row = Sequence[Any]
_V2_TYPES = {"integer": "INT64", "number": "FP64", "boolean": "BOOL"}  # all else: BYTES


class Request(msgspec.Struct, frozen=True):
    """One POST. answer: what the body of a good answer must hold; "" anything."""

    path: str
    body: str
    answer: str = ""


class Protocol(msgspec.Struct, frozen=True):
    """How rows are asked about: where, with what body, and by what a good answer is known."""

    path: str
    answer: str
    body: Callable[[Sequence[str], Row, dict[str, str]], Any]

    def request(self, columns: Sequence[str], row: Row, types: dict[str, str]) -> Request:
        """The request about one row."""
        return Request(self.path, json.dumps(self.body(columns, row, types), separators=(",", ":")), self.answer)


def protocol(name: str, model: str) -> Protocol:
    """``legion``, ``mlflow`` or ``v2`` (Open Inference Protocol, which has the model's name in its path)."""
    return {
        "legion": Protocol("/api/model/invoke", '"prediction"', _legion),
        "mlflow": Protocol("/invocations", '"predictions"', _mlflow),
        "v2": Protocol(f"/v2/models/{model}/infer", '"outputs"', _v2),
    }[name]


def _legion(columns: Sequence[str], row: Row, types: dict[str, str]) -> dict[str, Any]:
    return {"columns": list(columns), "data": [list(row)]}


def _mlflow(columns: Sequence[str], row: Row, types: dict[str, str]) -> dict[str, Any]:
    return {"dataframe_split": _legion(columns, row, types)}


def _v2(columns: Sequence[str], row: Row, types: dict[str, str]) -> dict[str, Any]:
    kinds = [_V2_TYPES.get(types.get(c, ""), "BYTES") for c in columns]
    return {
        "inputs": [
            {"name": c, "shape": [1, 1], "datatype": kind, "data": [value]}
            for c, kind, value in zip(columns, kinds, row, strict=True)
        ]
    }


def answer_at(path: str) -> str:
    """What a good answer at that path holds; "" when it is no path of a protocol."""
    if path.startswith("/v2/models/") and path.endswith("/infer"):
        return '"outputs"'
    return {"/api/model/invoke": '"prediction"', "/invocations": '"predictions"'}.get(path, "")


def write(path: Path, requests: Sequence[Request]) -> None:
    """One a line."""
    write_atomic(path, b"".join(msgspec.json.encode(r) + b"\n" for r in requests))


def read(path: Path, *, index: int = 0, of: int = 1) -> Iterator[Request]:
    """All requests in turn, endless; the ``index``-th of several generators takes every ``of``-th."""
    lines = path.read_bytes().splitlines()
    found = [msgspec.json.decode(line, type=Request) for line in lines]
    return itertools.islice(itertools.cycle(found), index, None, of)
