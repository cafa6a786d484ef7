"""Asking a local process something: HTTP over TCP or over a socket file, or only whether it listens."""

from __future__ import annotations

import http.client
import os
import socket
import tempfile
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

_LONGEST_SOCKET_PATH = 100  # sun_path holds 108 bytes on Linux, 104 on macOS


def unix_url(path: Path, resource: str) -> str:
    """URL of a resource behind a socket file."""
    return f"http+unix://{quote(str(path), safe='')}{resource}"


def fetch(url: str, timeout_s: float = 2.0, method: str = "GET") -> tuple[int, bytes]:
    """Status and body. Raises OSError or HTTPException when there is no answer."""
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.netloc, timeout_s)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def healthy(url: str, timeout_s: float = 2.0) -> bool:
    """Whether a health address says yes: it answers 200, or for ``tcp://`` takes a connection."""
    try:
        if url.startswith("tcp://"):
            host, _, port = url.removeprefix("tcp://").rpartition(":")
            socket.create_connection((host, int(port)), timeout_s).close()
            return True
        return fetch(url, timeout_s)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def _connection(scheme: str, netloc: str, timeout_s: float) -> http.client.HTTPConnection:
    if scheme == "http+unix":
        return _UnixConnection(Path(unquote(netloc)), timeout_s)
    return http.client.HTTPConnection(netloc, timeout=timeout_s)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket file, whose path may be longer than the system's limit."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the file; through a short link to its folder where the path is too long."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        if len(os.fsencode(self._path)) <= _LONGEST_SOCKET_PATH:
            self.sock.connect(str(self._path))
            return
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / "s"
            link.symlink_to(self._path.parent)
            self.sock.connect(str(link / self._path.name))
