"""How often the triggers are wrong: seeded simulations, and the cases where a simple mean would be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from legion_ci.data.sketches.table import TableSketch
from legion_ci.schedule import decay, drift
from legion_ci.schedule.decay import Half
from legion_ci.settings.schema import DecayTrigger, DriftTrigger

RUNS = 400
DECAY = DecayTrigger(margin=0.02)


def half(random, right: float, users: int, each: int, spread: float) -> Half:
    """Users who differ in how well they are predicted, with ``each`` rows."""
    skill = np.clip(right + spread * random.standard_normal(users), 0, 1)
    return Half(
        (random.random((users, each)) < skill[:, None]).astype(float).ravel(), np.repeat(np.arange(users), each)
    )


def alarms(lost: float, users: int, each: int, spread: float) -> int:
    random = np.random.default_rng(11)
    said = (
        decay.judge(DECAY, "accuracy", half(random, 0.8, users, each, spread), half(random, 0.8 - lost, users, each, spread), 0.5)
        for _ in range(RUNS)
    )  # fmt: skip
    return sum(f.answer == "yes" for f in said)


@pytest.mark.parametrize(("users", "each", "spread"), [(400, 1, 0.0), (250, 20, 0.15)])
def test_a_loss_of_just_the_margin_alarms_no_more_often_than_alpha(users, each, spread):
    wrong = alarms(DECAY.margin, users, each, spread)
    assert stats.binomtest(wrong, RUNS, DECAY.alpha, alternative="greater").pvalue > 0.001, wrong


def test_rows_of_a_user_that_were_counted_as_independent_would_alarm_far_too_often():
    random, wrong = np.random.default_rng(11), 0
    for _ in range(RUNS):
        old, new = half(random, 0.8, 250, 20, 0.15), half(random, 0.78, 250, 20, 0.15)
        loose = [Half(h.score, np.arange(len(h.score))) for h in (old, new)]
        wrong += decay.judge(DECAY, "accuracy", *loose, 0.5).answer == "yes"
    assert stats.binomtest(wrong, RUNS, DECAY.alpha, alternative="greater").pvalue < 0.001, wrong


def test_a_large_loss_is_found():
    assert alarms(0.12, 400, 1, 0.0) > 0.9 * RUNS


def test_requests_like_the_training_data_alarm_no_more_often_than_alpha():
    random, settings, wrong = np.random.default_rng(5), DriftTrigger(limit=0.001), 0
    runs = 150
    for _ in range(runs):
        columns = {f"c{i}": random.standard_normal(4000) for i in range(3)}
        reference = TableSketch.of([_table(columns)])
        seen = drift.Seen({c: list(random.standard_normal(300)) for c in columns}, [str(i) for i in range(300)])
        wrong += drift.judge(settings, reference, list(columns), seen).answer == "yes"
    assert stats.binomtest(wrong, runs, settings.alpha, alternative="greater").pvalue > 0.001, wrong


def _table(columns):
    import pyarrow as pa

    return pa.table(columns)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30))
def test_rows_count_as_at_most_their_number_and_at_least_one(sizes):
    units = [str(u) for u, n in enumerate(sizes) for _ in range(n)]
    found = drift.effective(units)
    assert 1 - 1e-9 <= found <= len(sizes) + 1e-9 <= len(units) + 1e-9
    if len(set(sizes)) == 1:
        assert found == pytest.approx(len(sizes))


def test_times_and_numbers_come_in_many_forms():
    assert drift.number("2026-03-20T12:00:00Z") == drift.number("2026-03-20T12:00:00") == 1774008000.0
    assert [drift.number(v) for v in (3, 2.5, True, "red", None, float("nan"), [1])] == [
        3.0,
        2.5,
        1.0,
        None,
        None,
        None,
        None,
    ]


def test_outcomes_of_too_few_rows_are_no_evidence():
    scores = np.r_[np.full(300, np.nan), np.ones(250)]
    found = decay.judge(DECAY, "accuracy", Half(scores, np.arange(550)), Half(scores, np.arange(550)), 0.5)
    assert (found.answer, found.message) == ("unknown", "outcomes before cover 45% of the rows, 50% are needed")
