import pytest
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.perf.budgets import parse
from legion_ci.perf.plan import Load, late_s, most_users, refusals


def refused(line, rate=200.0, duration=30.0, warmup=3.0, arrivals="poisson"):
    return refusals(parse((line,)), Load(rate, arrivals, duration, warmup), 0.05)


@pytest.mark.parametrize("line", ["p99 < 50ms", "errors < 0.2%", "throughput > 150/s", "mean < 1ms", "p50 < 1ms"])
def test_the_plan_of_the_design_can_pass(line):
    assert refused(line) == ()


def test_200_a_second_for_15_seconds_cannot_show_errors_below_a_thousandth():
    problem = refused("errors < 0.1%", duration=15.0)[0]
    assert "cannot show 'errors < 0.1%'" in problem.what
    assert problem.where == "perf.budgets[0]"
    shortest = float(problem.todo.split()[-1].rstrip("s"))
    assert refused("errors < 0.1%", duration=shortest) == ()


@given(percent=st.floats(0.01, 5), rate=st.floats(5, 5000))
def test_the_shortest_duration_that_is_named_is_never_refused_itself(percent, rate):
    line = f"errors < {percent:.4f}%"
    for problem in refused(line, rate=rate, duration=5.0):
        assert refused(line, rate=rate, duration=float(problem.todo.split()[-1].rstrip("s"))) == ()


def test_a_rate_that_is_not_above_the_throughput_asked_for_is_refused():
    assert "can never show" in refused("throughput > 200/s")[0].what
    assert "cannot show" in refused("throughput > 198/s")[0].what
    assert refused("throughput > 198/s", arrivals="constant") == ()


def test_a_tail_that_too_few_requests_reach_is_refused():
    assert refused("p99.9 < 50ms", rate=20.0)
    assert refused("p99 < 50ms", rate=20.0, duration=40.0) == ()


def test_users_may_grow_until_the_latency_budget_is_broken_twice_over():
    assert most_users(50, 200.0, parse(("p99 < 50ms",))) == 500
    assert most_users(50, 200.0, parse(("p99 < 5s",))) == 2000


def test_late_is_half_the_tightest_budget_between_one_and_ten_milliseconds():
    assert late_s(parse(("p99 < 50ms",))) == 0.01
    assert late_s(parse(("p99 < 50ms", "p50 < 4ms"))) == 0.002
    assert late_s(parse(("mean < 100us",))) == 0.001
    assert late_s(()) == 0.01
