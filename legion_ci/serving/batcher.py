"""Micro-batching: each call of the model takes along the requests that queued up during the last one."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from legion_ci.serving.model import Model
from legion_ci.serving.options import Limits
from legion_ci.serving.predictions import Answer
from legion_ci.serving.rows import Rows

Outcome = Answer | BaseException
_QUICK_S = 0.002  # the event loop may be held up for so long
_LAST_CALL = 0.1  # its weight in the usual time of a call


@dataclass(frozen=True, slots=True)
class Job:
    """One request's rows. finish: takes its answer or the model's error, in the thread that predicted; must not raise."""

    rows: Rows
    finish: Callable[[Outcome], None]


class Batcher:
    """A bounded queue before a model. One thread runs ``serve``; any thread may ``put``, ``answer_now`` and ``stop``.

    any_thread: the model may be called from other threads than the one that loaded it, one at a time.
    """

    def __init__(self, model: Model, limits: Limits, any_thread: bool = False) -> None:
        self._model, self._limits = model, limits
        self._any_thread = any_thread and model.row_wise and not limits.batch_wait_s
        self._usual_s: float | None = None
        self._calling = threading.Lock()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._held: Job | None = None
        self._stopping = False
        self._lock = threading.Lock()
        self.waiting_requests = 0
        self.waiting_rows = 0
        self.calls = 0
        self.rows = 0

    def put(self, job: Job) -> bool:
        """Queue a job; False when the queue is full. A job that is larger than the queue is taken when it is empty."""
        n_rows = len(job.rows.data)
        with self._lock:
            full = self.waiting_requests >= self._limits.queue_requests
            if full or (self.waiting_requests and self.waiting_rows + n_rows > self._limits.queue_rows):
                return False
            self.waiting_requests += 1
            self.waiting_rows += n_rows
        self._queue.put(job)
        return True

    def answer_now(self, batch: list[Job]) -> bool:
        """Answer jobs in this thread, as one call; False, and nothing done, unless the model is idle and usually quick."""
        if not self._any_thread or self._usual_s is None or self._usual_s > _QUICK_S or self.waiting_requests:
            return False
        if (len(batch) > 1 and batch[0].rows.names is not None) or _rows_in(batch) > self._limits.batch_rows:
            return False
        if not self._calling.acquire(blocking=False):
            return False
        try:
            self._answer(batch)
        finally:
            self._calling.release()
        return True

    def serve(self) -> None:
        """Call the model until ``stop``, and answer everything that was queued before."""
        while batch := self._next_batch():
            with self._lock:
                self.waiting_requests -= len(batch)
                self.waiting_rows -= _rows_in(batch)
            with self._calling:
                self._answer(batch)

    def stop(self) -> None:
        """Let ``serve`` return when the queue is empty."""
        self._queue.put(None)

    def _next_batch(self) -> list[Job]:
        first = self._held or self._take(None)
        self._held = None
        if first is None:
            return []
        batch, n_rows = [first], len(first.rows.data)
        until = time.monotonic() + self._limits.batch_wait_s
        while self._model.row_wise and n_rows < self._limits.batch_rows:
            job = self._take(until)
            if job is None:
                break
            n_rows += len(job.rows.data)
            if n_rows > self._limits.batch_rows or job.rows.names != first.rows.names:
                self._held = job
                break
            batch.append(job)
        return batch

    def _take(self, until: float | None) -> Job | None:
        """The next job; None at the end, or when there is none until then (None: wait for ever)."""
        if self._stopping:
            until = 0.0
        try:
            if until is None:
                job = self._queue.get()
            elif (wait_s := until - time.monotonic()) > 0:
                job = self._queue.get(timeout=wait_s)
            else:
                job = self._queue.get_nowait()
        except queue.Empty:
            return None
        if job is None:
            self._stopping = True
            return self._take(0.0)
        return job

    def _answer(self, batch: list[Job]) -> None:
        try:
            answers = self._call(batch)
        except BaseException as error:
            if len(batch) > 1:  # one request's rows must not fail the others'
                for job in batch:
                    self._answer([job])
            else:
                batch[0].finish(error)
            return
        for job, answer in zip(batch, answers, strict=True):
            job.finish(answer)

    def _call(self, batch: list[Job]) -> list[Answer]:
        if len(batch) == 1:
            rows = batch[0].rows
        else:
            rows = Rows([row for job in batch for row in job.rows.data], batch[0].rows.names)
        self.calls += 1
        self.rows += len(rows.data)
        began = time.perf_counter()
        predictions = self._model.predict(rows)
        self._took(time.perf_counter() - began)
        told, start, answers = predictions.rows(), 0, []
        for job in batch:
            end = start + len(job.rows.data)
            answers.append(Answer(predictions.columns, told[start:end]))
            start = end
        return answers

    def _took(self, seconds: float) -> None:
        usual = seconds if self._usual_s is None else self._usual_s
        self._usual_s = usual + _LAST_CALL * (seconds - usual)


def _rows_in(batch: list[Job]) -> int:
    return sum(len(job.rows.data) for job in batch)
