import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from legion_ci.quality.statistics.estimate import rows_needed, visible_loss, z
from legion_ci.quality.statistics.proportion import PairedShare, Share


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_bounds_of_a_share_are_scipys_exact_ones(counts):
    hits, n = counts
    wanted = stats.binomtest(hits, n).proportion_ci(0.90, method="exact")
    assert Share(hits, n).interval(0.05) == pytest.approx((wanted.low, wanted.high))


@pytest.mark.parametrize("p", [0.5, 0.9, 0.99])
def test_a_model_at_the_bound_passes_in_at_most_5_percent(p):
    hits = np.arange(201)
    passed = [Share(int(h), 200).interval(0.05)[0] > p for h in hits]
    assert float(np.sum(stats.binom.pmf(hits, 200, p) * passed)) <= 0.05


def test_pairs_are_counted_row_by_row():
    candidate, champion = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 1, 0], bool)
    assert PairedShare.of(candidate, champion) == PairedShare(gained=2, lost=2, n=5)


def test_rows_for_80_percent_power_are_those_of_the_published_formula():
    found = PairedShare(60, 59, 2_000)  # 6 % discordance, one pair added: 120 of 2,000
    assert rows_needed(found, 0.01, 0.05) == pytest.approx(0.06 * (z(0.05) + z(0.2)) ** 2 / 0.01**2, abs=1)
    assert rows_needed(found, 0.01, 0.05) == pytest.approx(3_710, abs=2)


def test_no_number_of_rows_decides_without_a_margin():
    assert rows_needed(PairedShare(5, 5, 100), 0.0, 0.05) is None


def test_the_visible_loss_grows_with_the_margin_and_the_number_of_alarms():
    found = PairedShare(60, 60, 2_000)
    assert visible_loss(found, 0.05) < visible_loss(found, 0.05 / 200) < visible_loss(found, 0.05 / 200, 0.01)
