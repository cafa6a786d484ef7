"""A gateway for clients' tests: answers predictions with a model's name and version, and keeps what it was told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """One request, as it arrived."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class FakeGateway:
    """status_of: the status of a request, 200 unless said; 0 closes the connection without an answer."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    status_of: Callable[[Asked], int] = lambda asked: 200

    def at(self, path: str) -> list[Asked]:
        """The requests of one path."""
        return [a for a in self.asked if a.path == path]


@contextmanager
def running() -> Iterator[FakeGateway]:
    """A fake gateway on a free port of the loopback address."""
    gateway = FakeGateway()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(gateway))
    server.daemon_threads = True
    gateway.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield gateway
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(gateway: FakeGateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            asked = Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(content))
            gateway.asked.append(asked)
            gateway.connections.add(self.client_address)
            status = gateway.status_of(asked)
            if status == 0:
                self.close_connection = True
                return
            answer = b'{"prediction": [[0, 0.8, 0.2]]}'
            self.send_response(status)
            self.send_header("Model-Name", "flight-delay")
            self.send_header("Model-Version", "2" if asked.headers.get("x-legion-unit", "").endswith("B") else "1")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: Any) -> None:
            pass

    return Handler
