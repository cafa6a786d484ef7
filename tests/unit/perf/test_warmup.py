"""The warm-up test cuts what is warm-up, and not what the server does later."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.perf.log import TICK_S, Tick, on_grid
from legion_ci.perf.warmup import mser, steady_from


def run(extra_ms=0.0, decay_s=1.0, seconds=30, seed=0, stall_at_s=None):
    """Ticks of a server of 5 ms that is slower by ``extra_ms`` at first, with autocorrelated noise."""
    rng, level, ticks = np.random.default_rng(seed), 0.0, []
    for tick in range(round(seconds / TICK_S)):
        at_s = tick * TICK_S
        level = 0.7 * level + rng.normal(0, 0.05)
        ms = (5 + extra_ms * np.exp(-at_s / decay_s)) * np.exp(level)
        if stall_at_s is not None and stall_at_s <= at_s < stall_at_s + 1:
            ms = 1000.0
        ticks.append(Tick(tick=tick, answered={on_grid(round(1000 * ms)): 20}))
    return ticks


def test_a_slow_start_is_cut_and_hardly_more():
    cuts = [steady_from(run(extra_ms=60, decay_s=1.0, seed=s), 10.0, 30.0) for s in range(40)]
    assert 1.5 <= np.median(cuts) <= 6
    assert np.mean([c >= 1.5 for c in cuts]) >= 0.9


def test_a_run_that_is_steady_from_the_start_loses_little():
    cuts = [steady_from(run(seed=s), 10.0, 30.0) for s in range(100)]
    assert np.median(cuts) <= 1.0


def test_never_more_than_the_maximum_is_cut_whatever_the_server_does():
    assert all(steady_from(run(extra_ms=500, decay_s=20.0, seed=s), 3.0, 30.0) <= 3.0 for s in range(20))


def test_a_stall_after_the_warm_up_is_not_cut_away():
    assert all(steady_from(run(stall_at_s=5.0, seed=s), 3.0, 30.0) <= 3.0 for s in range(20))


def test_a_run_too_short_for_the_test_is_cut_by_the_maximum():
    assert steady_from(run(seconds=3), 1.5, 3.0) == 1.5
    assert steady_from([], 2.0, 30.0) == 2.0


@given(values=st.lists(st.floats(-5, 5), min_size=4, max_size=40), data=st.data())
def test_mser_is_the_least_of_its_statistic(values, data):
    possible = data.draw(st.integers(1, len(values) // 2 + 1))
    found = mser(values, possible)
    statistics = [np.var(values[d:]) / (len(values) - d) for d in range(possible)]
    assert found < possible
    assert statistics[found] <= min(statistics) + 1e-9
