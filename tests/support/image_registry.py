"""A real registry (Debian's docker-registry) on a free port, and a proxy in front of it that breaks connections."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt
from ports import free_port
from requirements_of_tests import need


@contextlib.contextmanager
def registry(folder: Path, login: str = "") -> Iterator[str]:
    """``host:port`` of an empty registry while the block runs. login: ``user:password`` that it asks for."""
    program = need("docker-registry", "apt-get install docker-registry")
    port, auth = free_port(), ""
    folder.mkdir(parents=True, exist_ok=True)
    if login:
        user, _, password = login.partition(":")
        (folder / "htpasswd").write_bytes(user.encode() + b":" + bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)))
        auth = f"auth: {{htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}}}\n"
    (folder / "registry.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder / 'data'}}}, "
        f"delete: {{enabled: true}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n{auth}"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder / "registry.yml")], stdout=log, stderr=log)
    try:
        _wait(port)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@dataclass
class Breaking:
    """A proxy that ends the first connections after so many bytes from the client. broken: how many it has ended."""

    target: int
    after: int
    times: int
    broken: int = 0
    port: int = 0
    _ends: list[socket.socket] = field(default_factory=list)

    def serve(self) -> None:
        """Take connections until the listening socket is closed."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self._ends.append(listening)
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def close(self) -> None:
        """Close every socket."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.close()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self._ends += [client, server]
                threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
                passed += len(data)
                if counted and passed > self.after and self.broken < self.times:
                    self.broken += 1
                    break
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def breaking(address: str, after: int, times: int) -> Iterator[Breaking]:
    """A proxy in front of a registry."""
    proxy = Breaking(int(address.rpartition(":")[2]), after, times)
    proxy.serve()
    try:
        yield proxy
    finally:
        proxy.close()


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=5)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the registry did not start")
