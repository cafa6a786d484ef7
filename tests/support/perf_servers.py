"""Tiny real HTTP servers on loopback that stall, fail or are slow on purpose, and know what they were asked."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

ANSWER = b'{"prediction":[[1]],"columns":["prediction"]}'


@dataclass
class Asked:
    """What a server saw, and when it stalled (monotonic clock)."""

    purposes: Counter[str] = field(default_factory=Counter)
    bodies: Counter[bytes] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    signed: Counter[str] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)
    invoked: int = 0
    failed: int = 0
    first_at: float = 0.0


@dataclass
class Behaviour:
    """How the server answers ``POST``: after ``delay_s``, not before a stall is over, every ``fail_every``-th with 500.

    stall_from_s, stall_s: counted from the first request.
    """

    delay_s: float = 0.0
    stall_from_s: float = 0.0
    stall_s: float = 0.0
    fail_every: int = 0
    body: bytes = ANSWER
    status: int = 200
    health: int = 200


class Server:
    """One event loop in a thread of its own."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour, self.asked, self.port = behaviour, Asked(), 0
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read(reader)) is not None:
                writer.write(await self._answer(*request))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        self.asked.paths[path] += 1
        if method != "POST":
            return _response(self.behaviour.health, b"{}")
        self.asked.first_at = self.asked.first_at or time.monotonic()
        self.asked.invoked += 1
        number = self.asked.invoked
        self.asked.purposes[headers.get("x-legion-purpose", "")] += 1
        self.asked.bodies[body] += 1
        self.asked.signed[headers.get("legion-purpose", "")] += 1
        self.asked.tokens[headers.get("authorization", "")] += 1
        await self._wait()
        if self.behaviour.fail_every and number % self.behaviour.fail_every == 0:
            self.asked.failed += 1
            return _response(500, b'{"message":"broken on purpose"}')
        return _response(self.behaviour.status, self.behaviour.body)

    async def _wait(self) -> None:
        b = self.behaviour
        since = time.monotonic() - self.asked.first_at
        left = b.stall_from_s + b.stall_s - since if b.stall_from_s <= since else 0.0
        if (pause := max(b.delay_s, left)) > 0:
            await asyncio.sleep(pause)


async def _read(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str], bytes] | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return method, path, headers, await reader.readexactly(int(headers.get("content-length", 0)))


def _response(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )


@contextmanager
def serving(**behaviour: object) -> Iterator[Server]:
    """A server for the block."""
    server = Server(Behaviour(**behaviour))  # type: ignore[arg-type]
    server.start()
    try:
        yield server
    finally:
        server.stop()
