"""Runs real model servers as processes on free loopback ports."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Answer:
    """status, headers (lower-case names) and the body, also as JSON."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """A running server. log: where its standard error goes."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    host: str = "127.0.0.1"
    answers: list[Answer] = field(default_factory=list)

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None, chunked: bool = False) -> Answer:
        """POST a body: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"Content-Type": "application/json", **(headers or {})}
        return self.ask(
            "POST", path, iter([data[i : i + 64] for i in range(0, len(data), 64)]) if chunked else data, told
        )

    def get(self, path: str) -> Answer:
        """GET."""
        return self.ask("GET", path, None, {})

    def ask(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        """One request on a connection of its own."""
        with contextlib.closing(http.client.HTTPConnection(self.host, self.port, timeout=60)) as connection:
            connection.request(
                method, path, body, dict(headers), encode_chunked=not isinstance(body, bytes) and body is not None
            )
            got = connection.getresponse()
            return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())

    def stop(self) -> int:
        """TERM, and wait for the end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    @property
    def lines(self) -> list[str]:
        """What the server wrote to standard error."""
        return self.log.read_text().splitlines()


def command(model: Path, port: int, *options: str) -> list[str]:
    """The command line of a server."""
    return [sys.executable, "-m", "legion_ci.serving", "--model", str(model), "--port", str(port), *options]


def launch(model: Path, log: Path, *options: str, port: int | None = None) -> Server:
    """Start a server and do not wait for it."""
    port = port or free_port()
    with log.open("wb") as out:
        process = subprocess.Popen(command(model, port, *options), stderr=out, stdout=out, stdin=subprocess.DEVNULL,
                                   cwd=log.parent, env=_environment())  # fmt: skip
    return Server(process, port, log)


@contextlib.contextmanager
def serving(model: Path, log: Path, *options: str) -> Iterator[Server]:
    """A server that is ready; it is stopped in the end."""
    server = launch(model, log, *options)
    try:
        wait_ready(server)
        yield server
    finally:
        server.stop()


def wait_ready(server: Server, timeout_s: float = 120) -> None:
    """Wait until the health check answers 200; fails with the log when the server ends or time is up."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if server.process.poll() is not None:
            raise AssertionError(f"the server ended with {server.process.returncode}:\n{server.log.read_text()}")
        with contextlib.suppress(OSError):
            if server.get("/healthcheck").status == 200:
                return
        time.sleep(0.02)
    raise AssertionError(f"the server is not ready after {timeout_s} s:\n{server.log.read_text()}")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("LEGION_")}
