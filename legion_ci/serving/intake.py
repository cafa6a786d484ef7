"""Between the event loop and the model: what arrives in one turn of the loop is answered in it, or queued.

A thread of its own for the model costs a small prediction more than the prediction: two hand-overs and a contest for the
interpreter. So a quick model that is idle is called right on the loop, with all requests of that turn as one batch.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from legion_ci.serving import log
from legion_ci.serving.batcher import Batcher, Job, Outcome
from legion_ci.serving.rows import Rows


class Intake:
    """The loop's side of a batcher; every method runs on the event loop.

    arriving: requests between their first byte and their answer. One that is alone need not wait for company: reading its
    body has already let the loop begin all others that were there.
    """

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher
        self._gathered: list[tuple[Rows, Callable[[Outcome], None], asyncio.Future[bool]]] = []
        self.arriving = 0

    async def answer(self, rows: Rows, respond: Callable[[Outcome], None]) -> bool:
        """Have the rows predicted and responded to; False when the queue is full. respond: called once, in any thread."""
        if self.arriving == 1 and self._batcher.answer_now([Job(rows, respond)]):
            return True
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        self._gathered.append((rows, respond, done))
        if len(self._gathered) == 1:
            loop.call_soon(self._turn)
        return await done

    def _turn(self) -> None:
        gathered, self._gathered = self._gathered, []
        jobs = [Job(rows, _finisher(respond, done)) for rows, respond, done in gathered]
        if self._batcher.answer_now(jobs):
            return
        for job, (_, _, done) in zip(jobs, gathered, strict=True):
            if not self._batcher.put(job):
                _resolve(done, False)


def _finisher(respond: Callable[[Outcome], None], done: asyncio.Future[bool]) -> Callable[[Outcome], None]:
    """Responds in the thread that predicted, which spares the client the way back through the loop."""
    loop, home = done.get_loop(), threading.get_ident()

    def finish(outcome: Outcome) -> None:
        respond(outcome)
        if threading.get_ident() == home:
            return _resolve(done, True)
        try:
            loop.call_soon_threadsafe(_resolve, done, True)
        except RuntimeError:
            log.event("answer-late")  # the loop has ended

    return finish


def _resolve(done: asyncio.Future[bool], taken: bool) -> None:
    if not done.done():
        done.set_result(taken)
