"""A server that does nothing but answer: what a request to it takes is the generator's and the machine's own share.

``python -m legion_ci.perf.null_server`` writes its port on standard output and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from legion_ci.core.errors import ToolError

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
_LENGTH = b"content-length:"


class Null(asyncio.Protocol):
    """Answers each request on a connection once its body is there."""

    def __init__(self) -> None:
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            whole = end + 4 + _body_length(self._held[:end])
            if len(self._held) < whole:
                return
            self._held = self._held[whole:]
            self._transport.write(_ANSWER)


def _body_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(_LENGTH):
            return int(line[len(_LENGTH) :])
    return 0


@contextmanager
def serving() -> Iterator[str]:
    """The address of a null server in a process of its own, for the block."""
    child = subprocess.Popen(
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert child.stdin
    assert child.stdout
    try:
        port = child.stdout.readline().decode().strip()
        if not port:
            raise ToolError("the null server did not start", where="perf", todo="run legion-ci perf again")
        yield f"http://127.0.0.1:{port}"
    finally:
        child.stdin.close()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Null, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)  # until whoever started it is gone
    server.close()


if __name__ == "__main__":
    asyncio.run(_main())
