import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from legion_ci.quality.losses import ROOT_GAIN
from legion_ci.quality.statistics import bootstrap
from legion_ci.quality.statistics.blocks import MOST, Blocks
from legion_ci.quality.statistics.smooth import MEAN


def added(rows, *cuts):
    found = Blocks(rows.shape[1])
    for piece in np.split(rows, sorted(cuts)):
        found.add(piece)
    return found


def bounds(found, metric=MEAN, replicates=999):
    return found.estimate(metric, reach=1.0, replicates=replicates, rng=np.random.default_rng(5)).interval(0.05)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 60_000), max_size=5), st.integers(0, 1000))
def test_the_mean_is_of_all_rows_wherever_they_are_cut_and_memory_is_bounded(cuts, seed):
    rows = np.random.default_rng(seed).normal(size=(60_000, 2))
    found = added(rows, *cuts)
    assert (found.n, found.size) == (60_000, 8)
    assert found.mean == pytest.approx(rows.mean(axis=0), abs=1e-12)
    assert MOST <= len(found.means) + 8 < 2 * MOST + 8
    assert len(found.rest) < found.size


def test_few_rows_are_resampled_themselves():
    rows = np.random.default_rng(1).exponential(size=(3_000, 1))
    plain = bootstrap.of_rows(MEAN, rows, reach=1.0, replicates=999, rng=np.random.default_rng(5))
    assert bounds(added(rows, 1_000)) == plain.interval(0.05)


def test_bounds_of_blocks_are_those_of_rows():
    rng = np.random.default_rng(2)
    squares = np.stack([rng.normal(size=30_000) ** 2, 1.1 * rng.normal(size=30_000) ** 2], axis=1)
    plain = bootstrap.of_rows(ROOT_GAIN, squares, reach=1.0, replicates=999, rng=np.random.default_rng(5)).interval(
        0.05
    )
    low, high = bounds(added(squares, 7, 10_001), ROOT_GAIN, 999)
    assert low == pytest.approx(plain[0], abs=0.15 * (plain[1] - plain[0]))
    assert high == pytest.approx(plain[1], abs=0.15 * (plain[1] - plain[0]))


def test_a_mean_of_skewed_gains_at_the_margin_passes_in_about_5_percent():
    rng, runs, hits = np.random.default_rng(3), 120, 0
    for _ in range(runs):
        gains = 1.0 - rng.exponential(size=(9_000, 1)) ** 2 / 2  # the mean is 0: at the bound
        hits += bounds(added(gains), replicates=199)[0] > 0
    low, high = (stats.binom.ppf(q, runs, 0.05) for q in (0.0005, 0.9995))
    assert low <= hits <= high


def test_blocks_without_any_spread_say_what_could_have_been_missed():
    low, high = bounds(added(np.full((20_000, 1), 0.25)))
    assert low == pytest.approx(0.25 - (1 - 0.05 ** (1 / 20_000)))
    assert high > 0.25
