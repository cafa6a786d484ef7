"""Outcomes on their way to the disk: many at once share one flush, and nobody is answered before it."""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from legion_ci.feedback.layout import OUTCOME, hour_file, iso
from legion_ci.feedback.lines import LineFiles


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What really happened to one request. payload: any JSON. time: seconds since the epoch when it was told."""

    request_id: str
    model_name: str
    model_version: str
    payload: Any
    time: float

    def line(self) -> bytes:
        """Legion's ``feedback`` record, with ``time_unix``."""
        return msgspec.json.encode(
            {
                "request_id": self.request_id,
                "model_name": self.model_name,
                "model_version": self.model_version,
                "payload": self.payload,
                "time": iso(self.time),
                "time_unix": self.time,
            }
        )


class OutcomeStore:
    """Group commit: while one group is flushed the next one gathers."""

    def __init__(self, folder: Path, writer: str) -> None:
        self._folder, self._writer = folder, writer
        self._files = LineFiles()
        self._gathering: list[tuple[Outcome, asyncio.Future[None]]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._committing: asyncio.Task[None] | None = None

    async def keep(self, outcome: Outcome) -> None:
        """Return when the outcome is on the disk; raises OSError when it could not be written."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gathering.append((outcome, kept))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit())
        await kept

    def close(self) -> None:
        """Finish the flush that is under way; who was not answered yet was not promised anything."""
        self._thread.shutdown()
        self._files.close()

    async def _commit(self) -> None:
        loop = asyncio.get_running_loop()
        while self._gathering:
            group, self._gathering = self._gathering, []
            told = await loop.run_in_executor(self._thread, self._write, [o for o, _ in group])
            for (_, kept), error in zip(group, told, strict=True):
                if kept.cancelled():
                    continue
                kept.set_exception(error) if error else kept.set_result(None)

    def _write(self, outcomes: list[Outcome]) -> list[OSError | None]:
        def place(o: Outcome) -> Path:
            return hour_file(self._folder, OUTCOME, o.model_name, o.model_version, o.time, self._writer)

        told: dict[int, OSError | None] = {}
        numbered = sorted(enumerate(outcomes), key=lambda pair: str(place(pair[1])))
        for path, members in itertools.groupby(numbered, key=lambda pair: place(pair[1])):
            group = list(members)
            problem = self._append(path, [o.line() for _, o in group])
            told |= {index: problem for index, _ in group}
        return [told[i] for i in range(len(outcomes))]

    def _append(self, path: Path, lines: list[bytes]) -> OSError | None:
        try:
            self._files.append(path, lines, durable=True)
        except OSError as error:
            return error
        return None
