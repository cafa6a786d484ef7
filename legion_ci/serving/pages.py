"""What the server answers to GET: whether it is ready, what it serves, what it counted."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from legion_ci import __version__
from legion_ci.serving import v2
from legion_ci.serving.call import Call, Desk
from legion_ci.serving.predictions import encode
from legion_ci.serving.service import Service

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LOADING = "the model is loading"
_RETRY = [("retry-after", "1")]


class Pages:
    """service: tells the service, None while the model loads."""

    def __init__(self, desk: Desk, service: Callable[[], Service | None]) -> None:
        self._desk, self._service = desk, service
        self.routes: dict[str, Callable[[Call], None]] = {
            "/healthcheck": self._healthcheck, "/ping": self._ping, "/health": self._ping, "/version": self._version,
            "/metrics": self._metrics, "/api/model/info": self._info,
            "/v2": self._server, "/v2/health/live": self._live, "/v2/health/ready": self._ready,
        }  # fmt: skip
        for model in model_paths(desk):
            self.routes |= {model: self._model, f"{model}/ready": self._ready}

    def _healthcheck(self, call: Call) -> None:
        if self._service() is None:
            return call.answer(503, encode({"status": False, "message": _LOADING}), _RETRY)
        call.answer(200, b'{"status":true}')

    def _ping(self, call: Call) -> None:
        ready = self._service() is not None
        call.answer(200 if ready else 503, b"\n", () if ready else _RETRY, content_type="text/plain")

    def _version(self, call: Call) -> None:
        call.answer(200, __version__.encode(), content_type="text/plain")

    def _info(self, call: Call) -> None:
        service = self._service()
        call.busy(_LOADING) if service is None else call.answer(200, service.info)

    def _metrics(self, call: Call) -> None:
        call.answer(200, self._desk.metrics.text(), content_type=_METRICS_TYPE)

    def _server(self, call: Call) -> None:
        call.answer(200, v2.server_metadata())

    def _live(self, call: Call) -> None:
        call.answer(200, b'{"live":true}')

    def _ready(self, call: Call) -> None:
        call.busy(_LOADING) if self._service() is None else call.answer(200, b'{"ready":true}')

    def _model(self, call: Call) -> None:
        service = self._service()
        call.busy(_LOADING) if service is None else call.answer(200, service.inference.metadata())


def model_paths(desk: Desk) -> tuple[str, ...]:
    """Where version 2 of the Open Inference Protocol has the model, with and without its version, plain and quoted."""
    name, version = desk.who.model_name, desk.who.model_version
    paths = []
    for n, v in dict.fromkeys([(name, version), (quote(name, safe=""), quote(version, safe=""))]):
        paths += [f"/v2/models/{n}", f"/v2/models/{n}/versions/{v}"]
    return tuple(paths)
