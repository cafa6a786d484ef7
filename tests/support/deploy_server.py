"""A tiny model server on the standard library: answers what it was asked, so that tests see what the gateway did.

``python deploy_server.py --port N [--deployment NAME] [--broken]``; unknown options are taken and ignored, so that it
can stand where ``python -m legion_ci.serving`` stands. ``?sleep=0.3`` answers late. ``--broken``, or a file ``broken``
in the model's folder: dies at once. ``--hog 500`` takes 500 MiB before it serves.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit


class Handler(BaseHTTPRequestHandler):
    """Answers with its own name and what it was sent."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    deployment = ""
    shadows: ClassVar[list[str]] = []  # ids of mirrored requests
    busy: ClassVar[list[str]] = []  # requests that are being answered late

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if self.headers.get("x-legion-purpose") == "shadow":
            self.shadows.append(self.headers.get("request-id", ""))
        if pause_s := float(query.get("sleep", ["0"])[0]):
            self.busy.append(self.path)
            time.sleep(pause_s)
            self.busy.pop()
        told = {
            "shadows": self.shadows,
            "busy": self.busy,
            "deployment": self.deployment,
            "pid": os.getpid(),
            "method": self.command,
            "path": self.path,
            "headers": {k.lower(): v for k, v in self.headers.items()},
            "body": body.decode(errors="replace"),
        }
        data = json.dumps(told).encode()
        self.send_response(int(query.get("status", ["200"])[0]))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Server(ThreadingHTTPServer):
    """Threads that end with it."""

    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--deployment", default="")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--broken", action="store_true")
    parser.add_argument("--hog", type=int, default=0)
    known, _ = parser.parse_known_args()
    if known.broken or (known.model and (known.model / "broken").exists()):
        sys.exit("this model cannot be loaded: no such column")
    Handler.deployment = known.deployment
    held = b"x" * (known.hog << 20)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    Server((known.host, known.port), Handler).serve_forever()
    del held


if __name__ == "__main__":
    main()
