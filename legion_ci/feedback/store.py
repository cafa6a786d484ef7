"""The sink behind the model server: a bounded queue and one thread that writes Legion's JSON lines."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from legion_ci.feedback.capture import Capture
from legion_ci.feedback.drops import Drops
from legion_ci.feedback.layout import ANSWER, REQUEST, hour_file, iso
from legion_ci.feedback.lines import LineFiles
from legion_ci.feedback.policy import PolicyFile

FLUSH_S = 0.1
_MOST_CAPTURES = 20_000
_MOST_BYTES = 256 << 20
_BODY_BYTES = 1 << 20  # as Legion: what is longer is cut
Day = tuple[str, str, int]  # model, version, whole days since the epoch


def open_sink(folder: Path, writer: str) -> StoreSink:
    """A sink into the feedback store at ``folder``. writer: a name that no other live process uses."""
    return StoreSink(folder, writer)


class StoreSink:
    """A ``Sink``: ``put`` costs an append to a queue; what the queue or the disk cannot take is counted."""

    def __init__(self, folder: Path, writer: str, *, most: int = _MOST_CAPTURES, most_bytes: int = _MOST_BYTES) -> None:
        self._folder, self._writer = folder, writer
        self._most, self._most_bytes = most, most_bytes
        self._queue: deque[Capture] = deque()
        self._put_bytes = self._taken_bytes = 0  # one writer each, as of the counters: no lock on the path
        self._overflow, self._lost = Counter[Day](), Counter[Day]()
        self._files, self._drops = LineFiles(), Drops(folder, writer)
        self._policy = PolicyFile(folder)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Captures that are not kept: the queue was full, the disk did not take them, or the sink was closed."""
        return self._overflow.total() + self._lost.total()

    def put(self, capture: Capture) -> None:
        """Take one capture, at once."""
        full = len(self._queue) >= self._most or self._put_bytes - self._taken_bytes >= self._most_bytes
        if full or self._ending.is_set():
            self._overflow[_day(capture)] += 1
            return
        self._put_bytes += len(capture.request) + len(capture.response)
        self._queue.append(capture)

    def close(self) -> None:
        """Write what is still held, and stop. May be called twice."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(FLUSH_S):
            self._drain()
        self._drain()
        self._files.close()

    def _drain(self) -> None:
        while batch := self._take(1000):
            self._write(batch)
        self._drops.write(self._overflow, self._lost)

    def _take(self, most: int) -> list[Capture]:
        batch: list[Capture] = []
        while self._queue and len(batch) < most:
            batch.append(self._queue.popleft())
        return batch

    def _write(self, batch: list[Capture]) -> None:
        """Answers before requests: whoever sees a request finds its answer."""
        self._taken_bytes += sum(len(c.request) + len(c.response) for c in batch)
        for key, captures in _by_hour(batch):
            try:
                policy = self._policy.current()
                kept = [policy.capture(c) for c in captures]
                self._append(ANSWER, key, [answer_fields(c) for c in kept if policy.keeps(c.request_id)])
                self._append(REQUEST, key, [request_fields(c) for c in kept])
            except Exception:  # the disk, or a capture that cannot be written: counted, never the server's problem
                self._lost.update(map(_day, captures))

    def _append(self, tag: str, key: tuple[str, str, float], records: list[dict[str, Any]]) -> None:
        if records:
            path = hour_file(self._folder, tag, *key, self._writer)
            self._files.append(path, [msgspec.json.encode(r) for r in records])


def _day(c: Capture) -> Day:
    return c.model_name, c.model_version, int(c.time // 86400)


def _by_hour(batch: Iterable[Capture]) -> Iterable[tuple[tuple[str, str, float], list[Capture]]]:
    groups: dict[tuple[str, str, float], list[Capture]] = {}
    for c in batch:
        groups.setdefault((c.model_name, c.model_version, c.time // 3600 * 3600), []).append(c)
    return groups.items()


def request_fields(c: Capture) -> dict[str, Any]:
    """Legion's ``request_response`` record and our fields. No header is ever stored."""
    return {
        "request_id": c.request_id,
        "request_http_method": c.method,
        "request_http_headers": {},
        "request_host": "",
        "request_uri": c.uri,
        "request_content": _text(c.request),
        "response_status": c.status,
        "response_http_headers": {},
        "model_name": c.model_name,
        "model_version": c.model_version,
        "time": iso(c.time),
        "deployment": c.deployment,
        "arm": c.arm,
        "purpose": c.purpose,
        "experiment": c.experiment,
        "step": c.step,
        "share": c.share,
        "unit": c.unit,
        "digest": c.digest,
        "latency_us": c.latency_us,
        "time_unix": c.time,
    }


def answer_fields(c: Capture) -> dict[str, Any]:
    """Legion's ``response_body`` record; deployment and time_unix tell a mirrored copy's answer from the live one's."""
    return {
        "request_id": c.request_id,
        "response_content": _text(c.response),
        "model_name": c.model_name,
        "model_version": c.model_version,
        "time": iso(c.time),
        "deployment": c.deployment,
        "time_unix": c.time,
    }


def _text(body: bytes) -> str:
    return body[:_BODY_BYTES].decode(errors="replace")
