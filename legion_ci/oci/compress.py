"""gzip by one pinned compressor (libdeflate), so that the same content has the same bytes on every machine.

zlib, zlib-ng and ISA-L differ between versions and processors. libdeflate works on whole buffers: a stream is a
sequence of gzip members of 4 MiB each, which every reader of gzip takes as one (RFC 1952 section 2.2).
"""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

import deflate

CHUNK = 4 << 20
_AHEAD = 4  # chunks in flight: 16 MiB of a layer are in memory, however large it is


class GzipWriter:
    """Takes a layer's bytes, writes them compressed to ``out``; digests of both sides, sizes in bytes."""

    def __init__(self, out: BinaryIO, level: int) -> None:
        self._out, self._level = out, level
        self._buffer = bytearray()
        self._plain, self._packed = hashlib.sha256(), hashlib.sha256()
        self.plain_bytes = self.packed_bytes = 0
        self._pool = ThreadPoolExecutor(2)
        self._waiting: deque[Future[bytearray]] = deque()

    def write(self, data: bytes) -> int:
        """Take bytes of the layer."""
        self._buffer += data
        while len(self._buffer) >= CHUNK:
            self._submit(bytes(self._buffer[:CHUNK]))
            del self._buffer[:CHUNK]
        return len(data)

    def close(self) -> None:
        """Write what is left; an empty stream is one empty member."""
        try:
            if self._buffer or not self.plain_bytes:
                self._submit(bytes(self._buffer))
                self._buffer.clear()
            while self._waiting:
                self._drain()
        finally:
            self._pool.shutdown(cancel_futures=True)

    @property
    def diff_id(self) -> str:
        """``sha256:…`` of the layer itself."""
        return f"sha256:{self._plain.hexdigest()}"

    @property
    def digest(self) -> str:
        """``sha256:…`` of what was written."""
        return f"sha256:{self._packed.hexdigest()}"

    def _submit(self, chunk: bytes) -> None:
        self._plain.update(chunk)
        self.plain_bytes += len(chunk)
        self._waiting.append(self._pool.submit(deflate.gzip_compress, chunk, self._level))
        if len(self._waiting) >= _AHEAD:
            self._drain()

    def _drain(self) -> None:
        packed = bytes(self._waiting.popleft().result())
        self._packed.update(packed)
        self.packed_bytes += len(packed)
        self._out.write(packed)
