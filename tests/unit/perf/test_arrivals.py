import itertools
import math
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.perf.arrivals import KINDS, Phase, Schedule, counts, starts
from legion_ci.perf.load import Load
from legion_ci.perf.plan import Plan
from legion_ci.perf.recorder import Recorder


def drain(schedule):
    return list(iter(schedule.take, None))


def steady(kind, rate, duration_s, seed=0, **part):
    return Schedule(starts(kind, [Phase(rate=rate, duration_s=duration_s)], seed), **part)


@given(kind=st.sampled_from(KINDS), rate=st.floats(1, 500), duration=st.floats(0.1, 5), seed=st.integers(0, 99))
def test_arrivals_rise_within_the_duration_and_are_counted(kind, rate, duration, seed):
    schedule = steady(kind, rate, duration, seed)
    starts = drain(schedule)
    assert starts == sorted(starts)
    assert all(0 < s < duration for s in starts)
    assert schedule.handed_out == len(starts)
    assert schedule.take() is None


def test_constant_arrivals_come_at_equal_distance():
    assert drain(steady("constant", 10, 1.05)) == pytest.approx([i / 10 for i in range(1, 11)])


def test_poisson_gaps_have_the_planned_mean_and_as_large_a_deviation():
    drawn = drain(steady("poisson", 200, 100, 1))
    gaps = [b - a for a, b in itertools.pairwise(drawn)]
    mean = fmean(gaps)
    assert mean == pytest.approx(1 / 200, rel=0.03)
    assert math.sqrt(fmean((g - mean) ** 2 for g in gaps)) == pytest.approx(1 / 200, rel=0.05)


phases = st.lists(
    st.builds(Phase, rate=st.floats(1, 100), duration_s=st.floats(0.5, 3), rate_end=st.none() | st.floats(1, 100)),
    min_size=1,
    max_size=4,
)


@given(plan=phases, kind=st.sampled_from(KINDS), workers=st.integers(1, 5), seed=st.integers(0, 9))
def test_several_workers_together_send_exactly_the_arrivals_of_one(plan, kind, workers, seed):
    whole = list(starts(kind, plan, seed))
    parts = [drain(Schedule(starts(kind, plan, seed), index=i, of=workers)) for i in range(workers)]
    assert sorted(itertools.chain(*parts)) == whole
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(plan=phases)
def test_constant_arrivals_keep_to_the_cumulated_rate_of_ramps_and_phases(plan):
    """The n-th arrival comes when n requests are expected: checked by integrating the rate up to it."""
    for number, at in enumerate(starts("constant", plan, 0), start=1):
        expected, left = 0.0, at
        for phase in plan:
            spent = min(left, phase.duration_s)
            reached = phase.rate + (phase.end_rate - phase.rate) * spent / phase.duration_s
            expected += (phase.rate + reached) / 2 * spent
            left -= spent
        assert expected == pytest.approx(number, abs=1e-6)


def test_a_poisson_ramp_has_the_planned_number_in_every_part():
    found = list(starts("poisson", [Phase(rate=0.0001, rate_end=400, duration_s=100)], 5))
    for tenth in range(10):
        seen = sum(10 * tenth <= s < 10 * (tenth + 1) for s in found)
        expected = 400 / 100 * ((10 * (tenth + 1)) ** 2 - (10 * tenth) ** 2) / 2
        assert abs(seen - expected) < 4.5 * math.sqrt(expected)


def test_a_plan_may_end_after_a_number_of_requests_or_be_closed():
    assert len(drain(steady("poisson", 50, 10, most=7))) == 7
    assert sum(len(drain(steady("poisson", 50, 10, most=7, index=i, of=3))) for i in range(3)) == 7
    schedule = steady("poisson", 50, 10)
    schedule.take()
    schedule.close()
    assert schedule.take() is None
    assert not schedule.overdue(100)


def test_counts_of_an_unknown_kind_are_refused():
    with pytest.raises(ValueError, match="poisson, constant"):
        counts("random", 0)


def test_the_same_seed_gives_the_same_arrivals():
    assert drain(steady("poisson", 50, 2, 3)) == drain(steady("poisson", 50, 2, 3))
    assert drain(steady("poisson", 50, 2, 3)) != drain(steady("poisson", 50, 2, 4))


def test_unknown_arrivals_are_refused():
    with pytest.raises(ValueError, match="poisson, constant"):
        steady("random", 1, 1)


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
        folder=str(tmp_path),
    )
    recorder = Recorder(plan)
    load = Load(steady("constant", 100, 0.2), recorder)
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
