"""One request on its way: its id, its answer with the model's headers, its count and its capture."""

from __future__ import annotations

import asyncio
import re
import threading
import time
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from legion_ci.feedback.capture import Capture, Sink
from legion_ci.serving import captures, log
from legion_ci.serving.metrics import Metrics
from legion_ci.serving.options import Limits
from legion_ci.serving.predictions import encode
from legion_ci.serving.problems import Refused, refused

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
JSON = "application/json"


class Desk:
    """What all calls of one server share: who it is, its counters, its sink."""

    def __init__(self, who: captures.Identity, metrics: Metrics, sink: Sink | None) -> None:
        self.who, self.metrics, self.sink = who, metrics, sink
        named = {"model-name": who.model_name, "model-version": who.model_version, "model-digest": who.digest}
        self._one_at_a_time = threading.Lock()
        self.headers = [(name, quote(value, safe="!#$&'()*+,/:;=?@[]~ ")) for name, value in named.items()]

    def keep(self, capture: Capture) -> None:
        """Hand a capture to the sink, which need not bear several threads at once."""
        if self.sink is not None:
            with self._one_at_a_time:
                self.sink.put(capture)


class Call:
    """A request. Any thread may answer it, once."""

    __slots__ = ("_body", "_desk", "_headers", "_proto", "_route", "_scope", "_started", "_time", "id")

    def __init__(self, desk: Desk, scope: Any, proto: Any, route: str = "") -> None:
        self._desk, self._scope, self._proto, self._route = desk, scope, proto, route
        self._headers = scope.headers  # asking the scope again would copy them
        self._started, self._time, self._body = time.perf_counter(), time.time(), b""
        said = self.header("request-id") or self.header("x-request-id")
        self.id = said if _REQUEST_ID.fullmatch(said) else str(uuid.uuid4())

    def header(self, name: str) -> str:
        """A header of the request by its lower-case name, "" when absent."""
        return str(self._headers.get(name) or "")

    async def read(self, limits: Limits) -> bytes:
        """The body; raises Refused when it is too large, before reading it where its length is told, or too slow."""
        told = self.header("content-length")
        if told.isdigit() and int(told) > limits.max_body_bytes:
            raise _too_large(limits.max_body_bytes)
        try:
            async with asyncio.timeout(limits.arrival_s):
                self._body = await (self._proto() if told.isdigit() else self._pieces(limits.max_body_bytes))
        except TimeoutError:
            what = f"did not arrive within {limits.arrival_s:g} s"
            raise refused(408, "body", what, connection="close") from None
        return self._body

    async def _pieces(self, max_bytes: int) -> bytes:
        pieces, size = [], 0
        async for piece in self._proto:
            pieces.append(bytes(piece))
            size += len(piece)
            if size > max_bytes:
                raise _too_large(max_bytes)
        return b"".join(pieces)

    def answer(
        self, status: int, body: bytes, headers: Iterable[tuple[str, str]] = (), content_type: str = JSON
    ) -> None:
        """Send an answer; on a prediction route count it and hand it to the sink."""
        told = [("content-type", content_type), *self._desk.headers, ("request-id", self.id), *headers]
        seconds = time.perf_counter() - self._started
        self._proto.response_bytes(status, told, body)
        if self._route:
            self._desk.metrics.answered(self._route, status, seconds)
            if self._desk.sink is not None:
                self._desk.keep(captures.capture(self._desk.who, self.header, self._exchange(status, body, seconds)))

    def refuse(self, wrong: Refused) -> None:
        """Answer a request that cannot be answered, with all that is wrong with it."""
        body: dict[str, object] = {"message": wrong.message, "problems": wrong.problems}
        if self._v2:
            body["error"] = "; ".join(f"{p.path}: {p.problem}" for p in wrong.problems)
        self.answer(wrong.status, encode(body), wrong.headers)

    def fail(self, error: BaseException) -> None:
        """Answer 500; the log tells what happened, the client only the request id."""
        log.failure("prediction-failed", error, request_id=self.id, path=self._scope.path)
        message = f"the model failed on this request; the server's log has the reason under the request id {self.id}"
        self.answer(500, encode({**self._told(message), "request_id": self.id}))

    def busy(self, message: str) -> None:
        """Answer 503: try again."""
        self.answer(503, encode(self._told(message)), [("retry-after", "1")])

    @property
    def _v2(self) -> bool:
        return bool(self._scope.path.startswith("/v2"))

    def _told(self, message: str) -> dict[str, str]:
        """A message; in version 2 of the Open Inference Protocol it is called error."""
        return {"message": message, "error": message} if self._v2 else {"message": message}

    def _exchange(self, status: int, body: bytes, seconds: float) -> captures.Exchange:
        query = self._scope.query_string
        return captures.Exchange(
            request_id=self.id, method=self._scope.method, uri=self._scope.path + (f"?{query}" if query else ""),
            time=self._time, latency_us=round(seconds * 1e6), status=status, request=self._body, response=body,
        )  # fmt: skip


def _too_large(max_bytes: int) -> Refused:
    return refused(413, "body", f"must hold at most {max_bytes} bytes")
