"""A small classifier behind a real gateway that captures as the model server does: ``--right 0.9`` of its answers are.

Asked ``{"truth": true}`` it knows the answer and gives it as often as it was told to, by a hash of the request id.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from legion_ci.feedback.store import open_sink
from legion_ci.serving.captures import Exchange, Identity, capture

COLUMNS = ["prediction", "probability_False", "probability_True"]


def handler(told: argparse.Namespace, sink: object) -> type[BaseHTTPRequestHandler]:
    who = Identity(told.deployment, "wine", told.version, "d" * 64, "x-legion-unit")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            self._send(200, b"{}")

        def do_POST(self) -> None:
            began = time.time()
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            name = self.headers.get("request-id", "")
            status, answer = self._answer(name, bool(json.loads(body)["truth"]))
            took = int((time.time() - began) * 1e6)
            exchange = Exchange(name, "POST", self.path, began, took, status, body, answer)
            sink.put(capture(who, lambda n: self.headers.get(n, "") or "", exchange))  # type: ignore[attr-defined]
            self._send(status, answer)

        def _answer(self, name: str, truth: bool) -> tuple[int, bytes]:
            luck = int.from_bytes(hashlib.sha256(f"{told.deployment}{name}".encode()).digest()[:4]) / 2**32
            p = 0.9 if truth == (luck < told.right) else 0.1
            return 200, json.dumps({"prediction": [[p > 0.5, 1 - p, p]], "columns": COLUMNS}).encode()

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--deployment", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--right", type=float, required=True)
    parser.add_argument("--store", type=Path, required=True)
    told = parser.parse_args()
    sink = open_sink(told.store, f"{told.deployment}-{os.getpid()}")
    server = ThreadingHTTPServer(("127.0.0.1", told.port), handler(told, sink))
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(0.05)
    sink.close()
    sys.exit(0)


if __name__ == "__main__":
    main()
