"""The RSGI application: routes requests, keeps the event loop free, answers 503 until the model is ready."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from legion_ci import __version__
from legion_ci.serving import log, openapi
from legion_ci.serving.batcher import Batcher, Job, Outcome
from legion_ci.serving.call import Call, Desk
from legion_ci.serving.options import Limits
from legion_ci.serving.predictions import Answer, encode
from legion_ci.serving.problems import Refused, refused
from legion_ci.serving.protocols import Protocols, write_invocations, write_invoke
from legion_ci.serving.rows import Rows

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Service:
    """A model that is ready: its queue, its protocols, its description."""

    batcher: Batcher
    protocols: Protocols
    info: bytes


class Application:
    """What granian calls. ``ready`` may be called from any thread."""

    def __init__(
        self, desk: Desk, limits: Limits, start: Callable[[Application], None], stop: Callable[[], None]
    ) -> None:
        self._desk, self._limits, self._start, self._stop = desk, limits, start, stop
        self._service: Service | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pages: dict[str, Callable[[Call], None]] = {
            "/healthcheck": self._healthcheck, "/ping": self._ping, "/version": self._version,
            "/metrics": self._metrics, "/api/model/info": self._info,
        }  # fmt: skip
        self._predictions = {"/api/model/invoke": self._invoke, "/invocations": self._invocations}

    def ready(self, service: Service) -> None:
        """From now on predict."""
        self._service = service

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        threading.Thread(target=self._start, args=(self,), name="model", daemon=True).start()

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._stop()

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer one request; nothing that goes wrong here reaches the client or granian."""
        predict = self._predictions.get(scope.path)
        call = Call(self._desk, scope, proto, scope.path if predict else "")
        try:
            if predict is not None:
                _method(scope, "POST")
                await predict(call)
            else:
                page = self._pages.get(scope.path)
                if page is None:
                    raise refused(
                        404, "path", f"is not known here; known are {', '.join([*self._predictions, *self._pages])}"
                    )
                _method(scope, "GET")
                page(call)
        except Refused as wrong:
            call.refuse(wrong)
        except Exception as error:
            call.fail(error)

    async def _invoke(self, call: Call) -> None:
        await self._predict(call, Protocols.read_invoke, write_invoke)

    async def _invocations(self, call: Call) -> None:
        kind = call.header("content-type").partition(";")[0].strip().lower()
        if kind == "text/csv":
            raise refused(415, "header Content-Type", "text/csv is not taken; send application/json")
        await self._predict(call, Protocols.read_invocations, write_invocations)

    async def _predict(
        self, call: Call, read: Callable[[Protocols, bytes], Rows], write: Callable[[Answer], bytes]
    ) -> None:
        if call.header("content-encoding") not in ("", "identity"):
            raise refused(415, "header Content-Encoding", "must be absent; send the body uncompressed")
        body = await call.read(self._limits.max_body_bytes)
        service = self._service
        if service is None:
            return call.busy("the model is loading")
        rows = read(service.protocols, body)
        done = asyncio.get_running_loop().create_future()
        if not service.batcher.put(Job(rows, self._finisher(call, write, done))):
            return call.busy("too many requests are waiting")
        await done

    def _finisher(
        self, call: Call, write: Callable[[Answer], bytes], done: asyncio.Future[None]
    ) -> Callable[[Outcome], None]:
        """Answers right from the model's thread, which spares the client the way back through the event loop."""
        loop = done.get_loop()

        def finish(outcome: Outcome) -> None:
            try:
                _respond(call, write, outcome)
            except Exception as error:
                log.failure("answer-failed", error, request_id=call.id)
            try:
                loop.call_soon_threadsafe(_resolve, done)
            except RuntimeError:
                log.event("answer-late", request_id=call.id)  # the loop has ended

        return finish

    def _healthcheck(self, call: Call) -> None:
        if self._service is None:
            return call.answer(
                503, encode({"status": False, "message": "the model is loading"}), [("retry-after", "1")]
            )
        call.answer(200, b'{"status":true}')

    def _ping(self, call: Call) -> None:
        call.answer(503 if self._service is None else 200, b"\n", content_type="text/plain")

    def _version(self, call: Call) -> None:
        call.answer(200, __version__.encode(), content_type="text/plain")

    def _info(self, call: Call) -> None:
        if self._service is None:
            return call.busy("the model is loading")
        call.answer(200, self._service.info)

    def _metrics(self, call: Call) -> None:
        sink, service = self._desk.sink, self._service
        batcher = service.batcher if service else None
        gauges = {
            "legion_ready": ("gauge", "1 when the model predicts.", float(service is not None)),
            "legion_dropped_captures_total": (
                "counter",
                "Captures that could not be kept.",
                float(sink.dropped if sink else 0),
            ),
            "legion_waiting_requests": (
                "gauge",
                "Requests in the queue.",
                float(batcher.waiting_requests if batcher else 0),
            ),
            "legion_model_calls_total": ("counter", "Calls of the model.", float(batcher.calls if batcher else 0)),
            "legion_model_rows_total": ("counter", "Rows predicted.", float(batcher.rows if batcher else 0)),
        }
        call.answer(200, self._desk.metrics.text(gauges), content_type=_METRICS_TYPE)


def service_of(batcher: Batcher, protocols: Protocols, desk: Desk, document: openapi.Document) -> Service:
    """A service whose description is written once."""
    return Service(batcher, protocols, encode(openapi.describe(desk.who.model_name, desk.who.model_version, document)))


def _respond(call: Call, write: Callable[[Answer], bytes], outcome: Outcome) -> None:
    if isinstance(outcome, BaseException):
        return call.fail(outcome)
    try:
        body = write(outcome)
    except Exception as error:
        return call.fail(error)
    call.answer(200, body)


def _resolve(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


def _method(scope: Any, wanted: str) -> None:
    if scope.method != wanted:
        raise refused(405, "method", f"must be {wanted}, not {scope.method}", allow=wanted)
