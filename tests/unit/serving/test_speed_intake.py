"""Where the model is called: on the event loop when it is quick and idle, else in its own thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from legion_ci.serving.batcher import Batcher, Job, Outcome
from legion_ci.serving.intake import Intake
from legion_ci.serving.options import Limits
from legion_ci.serving.predictions import Answer, Predictions
from legion_ci.serving.rows import Rows


class Echo:
    """Predicts the first value; keeps the size and the thread of each call."""

    signature = None
    row_wise = True

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []
        self.before, self.began = threading.Event(), threading.Event()
        self.before.set()

    def predict(self, rows: Rows) -> Predictions:
        self.began.set()
        assert self.before.wait(60)
        self.calls.append((len(rows.data), threading.get_ident()))
        return Predictions(("prediction",), ([row[0] for row in rows.data],))

    def predict_table(self, table: Any) -> Predictions:
        raise NotImplementedError


@contextmanager
def thread_of(batcher: Batcher) -> Iterator[int]:
    """The model's own thread, running."""
    thread = threading.Thread(target=batcher.serve)
    thread.start()
    try:
        yield thread.ident or 0
    finally:
        batcher.stop()
        thread.join(60)


def quick(model: Echo) -> Batcher:
    """A batcher that has found its model quick."""
    batcher = Batcher(model, Limits(), any_thread=True)
    batcher._took(0.0)
    return batcher


async def ask(intake: Intake, *values: int) -> list[list[Any]]:
    """Ask for one row each, all in one turn of the loop; the predicted rows, or [] where the queue was full."""
    found: list[list[Any]] = [[] for _ in values]

    def respond(i: int, outcome: Outcome) -> None:
        assert isinstance(outcome, Answer)
        found[i] = [row[0] for row in outcome.rows]

    async def one(i: int, value: int) -> bool:
        intake.arriving += 1
        try:
            await asyncio.sleep(0)  # reading the body lets the others begin
            return await intake.answer(Rows([[value]]), lambda outcome: respond(i, outcome))
        finally:
            intake.arriving -= 1

    taken = await asyncio.gather(*(one(i, value) for i, value in enumerate(values)))
    assert taken == [bool(rows) for rows in found]
    return found


def test_a_quick_idle_model_is_called_on_the_loop() -> None:
    model = Echo()
    assert asyncio.run(ask(Intake(quick(model)), 7)) == [[7]]
    assert model.calls == [(1, threading.get_ident())]


def test_requests_of_one_turn_share_one_call() -> None:
    model = Echo()
    assert asyncio.run(ask(Intake(quick(model)), 1, 2, 3)) == [[1], [2], [3]]
    assert [size for size, _ in model.calls] == [3]


@pytest.mark.parametrize("reason", ["bound to its thread", "slow", "not known yet", "more rows than a call may hold"])
def test_else_it_is_called_in_its_own_thread(reason: str) -> None:
    model = Echo()
    batcher = Batcher(model, Limits(batch_rows=1 if "rows" in reason else 256), any_thread="bound" not in reason)
    if reason != "not known yet":
        batcher._took(1e9 if reason == "slow" else 0.0)
    values = (1, 2) if "rows" in reason else (1,)
    with thread_of(batcher) as own:
        assert asyncio.run(ask(Intake(batcher), *values)) == [[value] for value in values]
    assert {thread for _, thread in model.calls} == {own}


def test_a_model_that_turns_slow_moves_to_its_thread_and_back_when_it_is_quick_again() -> None:
    batcher = Batcher(Echo(), Limits(), any_thread=True)
    job = Job(Rows([[1]]), lambda outcome: None)
    batcher._took(0.0)
    assert batcher.answer_now([job])
    batcher._took(10.0)
    assert not batcher.answer_now([job])
    for _ in range(200):
        batcher._took(0.0)
    assert batcher.answer_now([job])


def test_it_is_not_called_twice_at_once() -> None:
    model = Echo()
    batcher = Batcher(model, Limits(), any_thread=True)
    batcher._took(0.0)
    began = threading.Event()
    model.before, model.began = threading.Event(), began
    with thread_of(batcher):
        assert batcher.put(Job(Rows([[1]]), lambda outcome: None))
        assert began.wait(60)
        assert not batcher.answer_now([Job(Rows([[2]]), lambda outcome: None)])
        model.before.set()
    assert len(model.calls) == 1


def test_a_budget_for_company_keeps_it_in_its_thread() -> None:
    batcher = Batcher(Echo(), Limits(batch_wait_s=0.001), any_thread=True)
    batcher._took(0.0)
    assert not batcher.answer_now([Job(Rows([[1]]), lambda outcome: None)])


def test_a_full_queue_is_told() -> None:
    batcher = Batcher(Echo(), Limits(queue_requests=1), any_thread=False)

    async def both() -> list[bool]:
        intake = Intake(batcher)
        first = asyncio.ensure_future(intake.answer(Rows([[1]]), lambda outcome: None))
        await asyncio.sleep(0)  # the first is there first
        second = await intake.answer(Rows([[2]]), lambda outcome: None)
        batcher.stop()
        await asyncio.get_running_loop().run_in_executor(None, batcher.serve)
        return [await first, second]

    assert asyncio.run(both()) == [True, False]
