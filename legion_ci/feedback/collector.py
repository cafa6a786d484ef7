"""The collector of outcomes: ``python -m legion_ci.feedback.collector --store DIR --port N``.

``POST /api/v1/feedback`` with the headers request-id, model-name and model-version (also with ``x-``) and any JSON
body; the answers are Legion's. Legion's older address ``POST /api/model/NAME/VERSION/feedback`` is taken too, with the header
request-id, JSON or a form, and its older answer. It answers when the outcome is on the disk.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import signal
import socket
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from legion_ci.core.errors import ConfigurationError, LegionError, missing_package
from legion_ci.feedback.outcomes import Outcome, OutcomeStore
from legion_ci.feedback.policy import PolicyFile, Unreadable

PATH = "/api/v1/feedback"
OLDER_PATH = re.compile(r"/api/model/([^/]+)/([^/]+)/feedback")
_FORM = "application/x-www-form-urlencoded"
_MOST_BYTES = 1 << 20
_MOST_HEADER = 200  # characters: folders are named after the model's name and version
_JSON = [("content-type", "application/json")]


class Refused(Exception):
    """An outcome that cannot be taken: status and what is wrong."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class Collector:
    """The RSGI application."""

    def __init__(self, store: OutcomeStore, policy: PolicyFile) -> None:
        self._store, self._policy = store, policy

    def __rsgi_del__(self, loop: Any) -> None:
        """The server ends."""
        self._store.close()

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        if scope.proto != "http":
            return
        try:
            answer = await self._answer(scope, protocol)
            protocol.response_bytes(200, _JSON, msgspec.json.encode(answer))
        except Refused as refused:
            protocol.response_bytes(refused.status, _JSON, msgspec.json.encode({"error": str(refused)}))

    async def _answer(self, scope: Any, protocol: Any) -> dict[str, Any]:
        if scope.path == "/healthcheck" and scope.method in ("GET", "HEAD"):
            return {"status": "ok"}
        older = OLDER_PATH.fullmatch(scope.path)
        if (scope.path != PATH and older is None) or scope.method != "POST":
            raise Refused(404, "Incorrect URL")
        named = {"model-name": unquote(older[1]), "model-version": unquote(older[2])} if older else {}
        outcome = await _read(scope.headers, named, protocol)
        try:
            await self._store.keep(self._policy.current().outcome(outcome))
        except (OSError, Unreadable) as error:
            print(f"collector: outcome of {outcome.request_id} not written ({error})", file=sys.stderr, flush=True)
            raise Refused(502, "Cannot deliver message") from error
        if older:
            return {"error": False, "registered": True, "message": {"json": outcome.payload}}
        return {
            "requestID": outcome.request_id,
            "modelVersion": outcome.model_version,
            "modelName": outcome.model_name,
            "payload": {"json": outcome.payload},
        }


async def _read(headers: Any, named: dict[str, str], protocol: Any) -> Outcome:
    """An outcome; named: what the address says, the headers need not."""
    names = ("request-id", "model-name", "model-version")
    said = {n: _fitting(n, named[n]) if n in named else _header(headers, n) for n in names}
    body = bytearray()
    size = 0
    async for piece in protocol:  # to its end, so that the client hears the answer, but not kept
        size += len(piece)
        if size <= _MOST_BYTES:
            body += piece
    if size > _MOST_BYTES:
        raise Refused(413, f"Outcomes of more than {_MOST_BYTES} bytes are not taken")
    is_form = bool(named) and str(headers.get("content-type") or "").startswith(_FORM)
    return Outcome(
        request_id=said["request-id"],
        model_name=said["model-name"],
        model_version=said["model-version"],
        payload=_parsed(bytes(body), is_form),
        time=time.time(),
    )


def _parsed(body: bytes, is_form: bool) -> Any:
    try:
        if is_form:
            return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
        return msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:  # msgspec's and UTF-8's errors are ValueErrors
        raise Refused(400, "Cannot parse data") from error


def _header(headers: Any, name: str) -> str:
    value = str(headers.get(name) or headers.get(f"x-{name}") or "")
    if not value:
        raise Refused(400, f"{name} header is missed")
    return _fitting(name, value)


def _fitting(name: str, value: str) -> str:
    if len(value) > _MOST_HEADER:
        raise Refused(400, f"{name} is longer than {_MOST_HEADER} characters")
    return value


def serve(store: Path, host: str, port: int) -> None:
    """Serve until TERM or INT, then finish what is under way."""
    try:
        from granian.server.mp import MPServer
    except ImportError as error:
        raise missing_package(error, "feedback collector") from error
    _see_that_port_is_free(host, port)
    server = MPServer(
        "legion_ci.feedback.collector", address=host, port=port, interface="rsgi", workers=1, websockets=False,
        log_enabled=False, workers_kill_timeout=10,
    )  # fmt: skip
    server.serve(target_loader=partial(_application, store), wrap_loader=False)


def _see_that_port_is_free(host: str, port: int) -> None:
    """granian's workers share a port, and would share it with a stranger, too."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
            trial.listen(1)
    except OSError as error:
        raise ConfigurationError(
            f"port {port} cannot be listened on ({error.strerror or error})", where=host, todo="choose another --port"
        ) from error


def _application(store: Path) -> Collector:
    _end_with_parent()
    return Collector(OutcomeStore(store, f"collector-{os.getpid()}"), PolicyFile(store))


def _end_with_parent() -> None:
    """A worker whose main process was killed must not go on holding the port."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="legion_ci.feedback.collector", description="Takes outcomes of predictions.")
    parser.add_argument("--store", type=Path, required=True, metavar="DIR", help="the feedback store")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    told = parser.parse_args(arguments)
    try:
        serve(told.store, told.host, told.port)
    except LegionError as error:
        print(f"collector: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
