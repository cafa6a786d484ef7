import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legion_ci.perf.batches import Measured
from legion_ci.perf.budgets import parse
from legion_ci.perf.judge import judge, verdicts
from legion_ci.results import Outcome

K = 20


def measured(latencies_us, failed=0, seconds=30.0):
    """Latencies spread evenly over 20 batches, failures too."""
    cells, index = np.unique(np.asarray(latencies_us, dtype=float), return_inverse=True)
    answered = np.zeros((K, len(cells)))
    np.add.at(answered, (np.arange(len(latencies_us)) % K, index), 1)
    failures = np.bincount(np.arange(failed) % K, minlength=K).astype(float)
    return Measured(
        cells_us=cells,
        answered=answered,
        failed=failures,
        done=answered.sum(axis=1),
        width_s=np.full(K, seconds / K),
        late=0,
        times={},
        series=(),
    )


def asked(line, run):
    return judge(parse((line,))[0], run, 0.05)


def test_a_fast_server_passes_and_a_slow_one_fails_with_bounds_that_leave_the_budget_out():
    fast, _ = asked("p99 < 50ms", measured([2000] * 5390 + [80_000] * 10))
    assert (fast.outcome, fast.value) == (Outcome.PASS, 2.0)
    assert fast.upper <= 50
    slow, _ = asked("p99 < 50ms", measured([2000] * 5000 + [80_000] * 400))
    assert (slow.outcome, slow.value) == (Outcome.FAIL, 80.0)
    assert slow.lower >= 50


def test_a_tail_near_the_budget_is_inconclusive_and_told_how_long_would_do():
    result, seconds = asked("p99 < 50ms", measured([2000] * 990 + [80_000] * 7))
    assert result.outcome is Outcome.INCONCLUSIVE
    assert seconds > 30


def test_a_fast_refusal_is_not_a_fast_answer():
    result, _ = asked("p99 < 50ms", measured([2000] * 5000, failed=400))
    assert result.outcome is Outcome.FAIL
    assert result.value is None


def test_a_server_that_only_fails_breaks_every_budget():
    run = measured([], failed=5400)
    assert {asked(line, run)[0].outcome for line in ("p50 < 1s", "mean < 1s", "errors < 1%", "throughput > 1/s")} == {
        Outcome.FAIL
    }


def test_one_failed_request_in_5400_is_that_share_and_nothing_else():
    result, _ = asked("errors < 0.2%", measured([2000] * 5399, failed=1))
    assert result.value == pytest.approx(1 / 5400)
    assert result.outcome is Outcome.PASS
    assert result.message == "1 of 5400 requests failed"


def test_a_run_without_failures_passes_only_when_it_was_long_enough():
    assert asked("errors < 0.2%", measured([2000] * 5400))[0].outcome is Outcome.PASS
    assert asked("errors < 0.1%", measured([2000] * 5400))[0].outcome is Outcome.INCONCLUSIVE


def test_throughput_is_good_answers_in_time():
    assert asked("throughput > 100/s", measured([2000] * 5400))[0].value == pytest.approx(180)
    assert asked("throughput > 200/s", measured([2000] * 5400))[0].outcome is Outcome.FAIL


def test_the_mean_is_judged_in_milliseconds():
    result, _ = asked("mean < 3ms", measured([1000, 3000] * 2700))
    assert result.value == pytest.approx(2.0)
    assert result.outcome is Outcome.PASS


def test_nothing_measured_is_inconclusive():
    assert asked("p99 < 50ms", measured([]))[0].outcome is Outcome.INCONCLUSIVE


@settings(max_examples=60, deadline=None)
@given(
    latencies=st.lists(st.integers(1, 200_000), min_size=40, max_size=400),
    failed=st.integers(0, 30),
    bound=st.integers(1, 200),
    metric=st.sampled_from(["p50", "p90", "p99"]),
)
def test_the_verdict_on_a_percentile_is_what_its_printed_bounds_say(latencies, failed, bound, metric):
    result, _ = asked(f"{metric} < {bound}ms", measured(latencies, failed))
    if result.outcome is Outcome.PASS:
        assert result.upper <= bound
    elif result.outcome is Outcome.FAIL:
        assert result.lower >= bound
    if None not in (result.lower, result.upper):
        assert result.lower <= result.upper
    if result.value is not None and result.upper is not None:
        assert result.value <= result.upper


@given(outcomes=st.lists(st.sampled_from([Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE])))
def test_any_failure_fails_the_run_and_only_unanimity_passes_it(outcomes):
    verdict = verdicts(outcomes)
    assert (verdict is Outcome.FAIL) == (Outcome.FAIL in outcomes)
    assert (verdict is Outcome.PASS) == (bool(outcomes) and set(outcomes) == {Outcome.PASS})
