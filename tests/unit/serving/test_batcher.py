"""Micro-batching: what shares a call, what does not, and what happens when the model fails."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legion_ci.serving.batcher import Batcher, Job, Outcome
from legion_ci.serving.options import Limits
from legion_ci.serving.predictions import Answer, Predictions
from legion_ci.serving.rows import Rows

DEFAULTS = Limits()


class Doubler:
    """Doubles the first value of every row; keeps the size of each call; fails on 13."""

    signature = None

    def __init__(self, row_wise: bool = True) -> None:
        self.row_wise = row_wise
        self.calls: list[int] = []

    def predict(self, rows: Rows) -> Predictions:
        self.calls.append(len(rows.data))
        if any(row[0] == 13 for row in rows.data):
            raise SystemExit("thirteen")
        return Predictions(("prediction",), ([2 * row[0] for row in rows.data],))

    def predict_table(self, table: Any) -> Predictions:
        raise NotImplementedError


def _answers(
    model: Doubler, requests: list[list[int]], limits: Limits = DEFAULTS, names: list[str] | None = None
) -> list[Outcome]:
    """Queue all requests before the model starts, then let it work them off."""
    batcher, found = Batcher(model, limits), {}
    for i, values in enumerate(requests):
        rows = Rows([[v] for v in values], (names[i],) if names else None)
        assert batcher.put(Job(rows, lambda outcome, i=i: found.__setitem__(i, outcome)))  # type: ignore[misc]
    batcher.stop()
    batcher.serve()
    assert (batcher.waiting_requests, batcher.waiting_rows) == (0, 0)
    return [found[i] for i in range(len(requests))]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=5), max_size=12), st.integers(1, 20), st.booleans())
def test_every_request_gets_exactly_the_answers_to_its_own_rows(
    requests: list[list[int]], batch_rows: int, row_wise: bool
) -> None:
    for values, outcome in zip(
        requests, _answers(Doubler(row_wise), requests, Limits(batch_rows=batch_rows)), strict=True
    ):
        if 13 in values:
            assert isinstance(outcome, SystemExit)
        else:
            assert isinstance(outcome, Answer)
            assert [row[0] for row in outcome.rows] == [2 * v for v in values]


def test_what_queued_up_shares_one_call() -> None:
    model = Doubler()
    _answers(model, [[1], [2], [3, 4]])
    assert model.calls == [4]


def test_a_call_holds_no_more_rows_than_allowed_unless_one_request_does() -> None:
    model = Doubler()
    _answers(model, [[1], [2], [3, 4], [5] * 9, [6]], Limits(batch_rows=3))
    assert model.calls == [2, 2, 9, 1]


def test_rows_of_a_model_that_is_not_row_wise_never_share_a_call() -> None:
    model = Doubler(row_wise=False)
    _answers(model, [[1], [2], [3]])
    assert model.calls == [1, 1, 1]


def test_requests_with_other_columns_do_not_share_a_call() -> None:
    model = Doubler()
    _answers(model, [[1], [2], [3]], names=["a", "b", "b"])
    assert model.calls == [1, 2]


def test_one_requests_error_does_not_fail_the_others() -> None:
    good, bad, other = _answers(Doubler(), [[1], [13], [2]])
    assert isinstance(good, Answer)
    assert isinstance(bad, SystemExit)
    assert isinstance(other, Answer)


def test_a_full_queue_takes_no_more() -> None:
    batcher = Batcher(Doubler(), Limits(queue_requests=2, queue_rows=5))
    job = Job(Rows([[1]] * 4), lambda outcome: None)
    assert batcher.put(job)
    assert not batcher.put(job), "more rows than the queue may hold"
    assert batcher.put(Job(Rows([[1]]), lambda outcome: None))
    assert not batcher.put(Job(Rows([[1]]), lambda outcome: None)), "more requests than the queue may hold"


def test_a_request_larger_than_the_queue_is_taken_when_it_is_empty() -> None:
    assert Batcher(Doubler(), Limits(queue_rows=5)).put(Job(Rows([[1]] * 9), lambda outcome: None))


def test_with_a_budget_the_model_waits_for_company() -> None:
    model, done = Doubler(), threading.Semaphore(0)
    batcher = Batcher(model, Limits(batch_rows=2, batch_wait_s=60))
    thread = threading.Thread(target=batcher.serve)
    thread.start()
    for _ in range(2):  # the second fills the call, long before the minute is over
        assert batcher.put(Job(Rows([[1]]), lambda outcome: done.release()))
    assert done.acquire(timeout=30)
    assert done.acquire(timeout=30)
    batcher.stop()
    thread.join(30)
    assert model.calls == [2]


def test_another_number_of_predictions_is_an_error_of_the_model() -> None:
    from legion_ci.serving.predictions import of_result

    with pytest.raises(ValueError, match="returned 3 predictions for 2 rows"):
        of_result([1, 2, 3], 2)
