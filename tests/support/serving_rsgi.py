"""Calls the application as granian does, without a server: a fake scope, a fake protocol, a sink that keeps."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from legion_ci.feedback.capture import Capture
from legion_ci.serving import openapi
from legion_ci.serving.app import Application
from legion_ci.serving.batcher import Batcher
from legion_ci.serving.call import Desk
from legion_ci.serving.captures import Identity
from legion_ci.serving.metrics import Metrics
from legion_ci.serving.model import Model
from legion_ci.serving.options import Limits
from legion_ci.serving.protocols import Protocols
from legion_ci.serving.service import service_of
from legion_ci.serving.signature import read_sample

DEFAULTS = Limits()


class ListSink:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.dropped = 0
        self.kept: list[Capture] = []
        self.closed = False

    def put(self, capture: Capture) -> None:
        self.kept.append(capture)

    def close(self) -> None:
        self.closed = True


@dataclass
class Scope:
    method: str
    path: str
    headers: dict[str, str]
    query_string: str = ""


@dataclass
class Proto:
    body: bytes
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b""
    answers: int = 0

    async def __call__(self) -> bytes:
        return self.body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.body), 100):
            yield self.body[start : start + 100]

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.answer = status, dict(headers), body
        self.answers += 1

    @property
    def json(self) -> Any:
        return json.loads(self.answer)


class Served:
    """A model behind the application, its thread running; use as a context manager."""

    def __init__(
        self, model: Model | None, model_dir: Path | None = None, limits: Limits = DEFAULTS, unit_header: str = ""
    ) -> None:
        self.sink = ListSink()
        who = Identity("demo-1", "demo", "1", "d" * 64, unit_header)
        self.desk = Desk(who, Metrics(), self.sink)
        self.app = Application(self.desk, limits, lambda app: None, lambda: None)
        self.batcher: Batcher | None = None
        if model is not None:
            self.batcher = Batcher(model, limits)
            head_input = read_sample(model_dir / "head_input.json") if model_dir else None
            head_output = read_sample(model_dir / "head_output.json") if model_dir else None
            document = openapi.Document.of_samples(model.signature, head_input, head_output)
            self.app.ready(service_of(self.batcher, Protocols(model.signature, limits.max_rows), self.desk, document))
            self.thread = threading.Thread(target=self.batcher.serve)

    def __enter__(self) -> Served:
        if self.batcher:
            self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.batcher:
            self.batcher.stop()
            self.thread.join(30)

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Proto:
        """One POST; the content length is told as clients do."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, data, {"content-length": str(len(data)), **(headers or {})})

    def get(self, path: str) -> Proto:
        """One GET."""
        return self.ask("GET", path, b"", {})

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Proto:
        """One request, answered exactly once."""
        proto = Proto(body)
        asyncio.run(self.app.__rsgi__(Scope(method, path, dict(headers)), proto))
        assert proto.answers == 1
        return proto
