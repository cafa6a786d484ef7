"""The RSGI application: routes requests, keeps the event loop free, answers 503 until the model is ready."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from legion_ci.serving import log
from legion_ci.serving.batcher import Outcome
from legion_ci.serving.call import Call, Desk
from legion_ci.serving.options import Limits
from legion_ci.serving.pages import Pages, model_paths
from legion_ci.serving.predictions import Answer
from legion_ci.serving.problems import Refused, refused
from legion_ci.serving.protocols import write_invocations, write_invoke
from legion_ci.serving.rows import Rows
from legion_ci.serving.service import Service
from legion_ci.serving.v2 import refuse_binary

Writer = Callable[[Answer], bytes]
Reader = Callable[[Service, bytes], tuple[Rows, Writer]]


class Application:
    """What granian calls. ``ready`` may be called from any thread.

    replaces: it comes after a process that died, while others answer: it takes no connection before it is ready.
    """

    def __init__(
        self,
        desk: Desk,
        limits: Limits,
        start: Callable[[Application], None],
        stop: Callable[[], None],
        *,
        replaces: bool = False,
    ) -> None:
        self._desk, self._limits, self._start, self._stop = desk, limits, start, stop
        self._service: Service | None = None
        self._is_ready, self._replaces = threading.Event(), replaces
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pages = Pages(desk, lambda: self._service).routes
        infer = {f"{model}/infer": ("/v2/infer", self._infer) for model in model_paths(desk)}
        self._predictions: dict[str, tuple[str, Callable[[Call], Awaitable[None]]]] = {
            "/api/model/invoke": ("/api/model/invoke", self._invoke),
            "/invocations": ("/invocations", self._invocations), **infer,
        }  # fmt: skip
        desk.metrics.watch = self._counts

    def ready(self, service: Service) -> None:
        """From now on predict."""
        self._service = service
        self._desk.metrics.look()
        self._is_ready.set()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        threading.Thread(target=self._start, args=(self,), name="model", daemon=True).start()
        if self._replaces:
            self._is_ready.wait()

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._stop()

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer one request; nothing that goes wrong here reaches the client or granian."""
        predict = self._predictions.get(scope.path)
        call = Call(self._desk, scope, proto, predict[0] if predict else "")
        try:
            if predict is not None:
                _method(scope, "POST")
                await predict[1](call)
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
        _json_only(call)
        await self._predict(call, _read_invoke)

    async def _invocations(self, call: Call) -> None:
        if _content_type(call) == "text/csv":
            return await self._predict(call, _read_csv)
        _json_only(call, "application/json or text/csv")
        await self._predict(call, _read_invocations)

    async def _infer(self, call: Call) -> None:
        refuse_binary(call.header("inference-header-content-length"))
        _json_only(call)
        await self._predict(call, _read_infer)

    async def _predict(self, call: Call, read: Reader) -> None:
        if call.header("content-encoding") not in ("", "identity"):
            raise refused(415, "header Content-Encoding", "must be absent; send the body uncompressed")
        service = self._service
        if service is None:
            await call.read(self._limits)
            return call.busy("the model is loading")
        service.intake.arriving += 1
        try:
            rows, write = read(service, await call.read(self._limits))
            if not await service.intake.answer(rows, partial(_respond, call, write)):
                call.busy("too many requests are waiting")
        finally:
            service.intake.arriving -= 1

    def _counts(self) -> tuple[float, float, float, float, float]:
        sink, service = self._desk.sink, self._service
        dropped = float(sink.dropped) if sink else 0.0
        if service is None:
            return 0.0, dropped, 0.0, 0.0, 0.0
        batcher = service.batcher
        return 1.0, dropped, batcher.waiting_requests, batcher.calls, batcher.rows


def _read_invoke(service: Service, body: bytes) -> tuple[Rows, Writer]:
    return service.protocols.read_invoke(body), write_invoke


def _read_invocations(service: Service, body: bytes) -> tuple[Rows, Writer]:
    return service.protocols.read_invocations(body), write_invocations


def _read_csv(service: Service, body: bytes) -> tuple[Rows, Writer]:
    return service.protocols.read_csv(body), write_invocations


def _read_infer(service: Service, body: bytes) -> tuple[Rows, Writer]:
    rows, asked = service.inference.read(body)
    return rows, partial(service.inference.write, asked)


def _respond(call: Call, write: Callable[[Answer], bytes], outcome: Outcome) -> None:
    try:
        if isinstance(outcome, BaseException):
            return call.fail(outcome)
        try:
            body = write(outcome)
        except Refused as wrong:
            return call.refuse(wrong)
        except Exception as error:
            return call.fail(error)
        call.answer(200, body)
    except Exception as error:
        log.failure("answer-failed", error, request_id=call.id)


def _method(scope: Any, wanted: str) -> None:
    if scope.method != wanted:
        raise refused(405, "method", f"must be {wanted}, not {scope.method}", allow=wanted)


def _content_type(call: Call) -> str:
    return call.header("content-type").partition(";")[0].strip().lower()


def _json_only(call: Call, known: str = "application/json") -> None:
    """Refuse another content type; a request that tells none is taken for JSON."""
    if _content_type(call) not in ("", "application/json"):
        raise refused(415, "header Content-Type", f"must be {known}, not {_content_type(call)[:60]}")
