import itertools
import math
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.perf.arrivals import KINDS, Schedule, gaps
from legion_ci.perf.load import Load
from legion_ci.perf.plan import Plan
from legion_ci.perf.recorder import Recorder


def drain(schedule):
    return list(iter(schedule.take, None))


@given(kind=st.sampled_from(KINDS), rate=st.floats(1, 500), duration=st.floats(0.1, 5), seed=st.integers(0, 99))
def test_arrivals_rise_within_the_duration_and_are_counted(kind, rate, duration, seed):
    schedule = Schedule(kind, rate, duration, seed)
    starts = drain(schedule)
    assert starts == sorted(starts)
    assert all(0 < s < duration for s in starts)
    assert schedule.handed_out == len(starts)
    assert schedule.take() is None


def test_constant_arrivals_come_at_equal_distance():
    assert drain(Schedule("constant", 10, 1.05)) == pytest.approx([i / 10 for i in range(1, 11)])


def test_poisson_gaps_have_the_planned_mean_and_as_large_a_deviation():
    drawn = list(itertools.islice(gaps("poisson", 200, 1), 20_000))
    mean = fmean(drawn)
    assert mean == pytest.approx(1 / 200, rel=0.03)
    assert math.sqrt(fmean((g - mean) ** 2 for g in drawn)) == pytest.approx(1 / 200, rel=0.05)


def test_the_same_seed_gives_the_same_arrivals():
    assert drain(Schedule("poisson", 50, 2, 3)) == drain(Schedule("poisson", 50, 2, 3))
    assert drain(Schedule("poisson", 50, 2, 3)) != drain(Schedule("poisson", 50, 2, 4))


def test_unknown_arrivals_are_refused():
    with pytest.raises(ValueError, match="poisson, constant"):
        Schedule("random", 1, 1)


def test_no_arrival_vanishes_when_the_run_ends_before_its_answer(tmp_path):
    plan = Plan(
        host="",
        rate=100,
        arrivals="constant",
        duration_s=0.2,
        warmup_s=0,
        users=1,
        most_users=1,
        late_s=1,
        bodies="",
        folder=str(tmp_path),
    )
    recorder = Recorder(plan)
    load = Load(Schedule("constant", 100, 0.2), recorder)
    load.begin(lead_s=-0.3)
    answered, waiting = load.take(), load.take()
    load.leave(answered)
    assert waiting is not None
    load.settle()
    assert recorder.status.unanswered == load.schedule.handed_out - 1
    assert set(recorder.status.failures) == {
        "no answer when the run ended",
        "not sent: all users were busy until the run ended",
    }
