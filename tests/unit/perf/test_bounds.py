import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.signal import lfilter

from legion_ci.perf import bounds

K, N = bounds.BATCHES, 5400
counts = st.lists(st.tuples(st.integers(1, 400), st.floats(0, 1)), min_size=2, max_size=40)


@given(batches=counts, alpha=st.sampled_from([0.05, 0.01]))
def test_the_bounds_of_a_share_hold_it_between_them(batches, alpha):
    totals = np.array([float(n) for n, _ in batches])
    events = np.floor(totals * np.array([s for _, s in batches]))
    low, high = bounds.share_bounds(events[None, :], totals, alpha)
    share = events.sum() / totals.sum()
    assert 0 <= low[0] <= share + 1e-12
    assert share - 1e-12 <= high[0] <= 1


def test_without_an_event_the_bound_is_the_exact_one_of_half_the_requests():
    low, high = bounds.share_bounds(np.zeros((1, K)), np.full(K, N / K), 0.05)
    assert low[0] == 0
    assert high[0] == pytest.approx(1 - 0.05 ** (1 / (N / 2)))


def test_evenly_spread_events_are_bounded_by_the_exact_interval_at_the_least_design_effect():
    low, high = bounds.share_bounds(np.full((1, K), 3.0), np.full(K, N / K), 0.05)
    x, n = 60 / 2, N / 2
    assert high[0] == pytest.approx(stats.beta.ppf(0.95, x + 1, n - x))
    assert low[0] == pytest.approx(stats.beta.ppf(0.05, x, n - x + 1))


def test_failures_in_one_burst_widen_the_bound_far_beyond_spread_ones():
    spread, burst = np.full(K, 3.0), np.zeros(K)
    burst[7] = 60
    _, high = bounds.share_bounds(np.array([spread, burst]), np.full(K, N / K), 0.05)
    assert high[1] > 2 * high[0]


@pytest.mark.parametrize("correlation", [0.0, 0.9])
@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99])
def test_bounds_cover_in_nine_of_ten_runs_of_an_autocorrelated_server(correlation, quantile):
    rng = np.random.default_rng(20261121)
    noise = rng.standard_normal((1000, N)) * np.sqrt(1 - correlation**2)
    noise[:, 0] /= np.sqrt(1 - correlation**2)
    latency = lfilter([1], [1, -correlation], noise, axis=1)
    events = (latency > stats.norm.ppf(quantile)).reshape(1000, K, -1).sum(axis=2).astype(float)
    low, high = bounds.share_bounds(events, np.full(K, N / K), 0.05)
    assert (high >= 1 - quantile).mean() >= 0.9
    assert (low <= 1 - quantile).mean() >= 0.9


def test_the_mean_of_an_autocorrelated_server_is_covered_in_nine_of_ten_runs():
    rng = np.random.default_rng(7)
    latency = 5 + lfilter([1], [1, -0.9], rng.standard_normal((500, N)), axis=1)
    sums, totals = latency.reshape(500, K, -1).sum(axis=2), np.full(K, N / K)
    found = [bounds.ratio_bounds(s, totals, 0.05) for s in sums]
    assert np.mean([low <= 5 for _, low, _ in found]) >= 0.9
    assert np.mean([high >= 5 for _, _, high in found]) >= 0.9


@given(share=st.floats(1e-4, 0.5))
def test_the_requests_that_are_asked_for_are_just_enough(share):
    needed = bounds.requests_needed(share, 0.05)
    _, high = bounds.share_bounds(np.zeros((1, 2)), np.full(2, needed / 2), 0.05)
    assert high[0] == pytest.approx(share, rel=1e-6)
