import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quality_trinomial import probability
from scipy import stats

from legion_ci.quality.statistics import tango
from legion_ci.quality.statistics.estimate import z

Z = z(0.05)


def passes(n, margin):
    return lambda gained, lost: tango.score(gained, lost, n, -margin) > Z


def fails(n, margin):
    return lambda gained, lost: tango.score(gained, lost, n, -margin) < -Z


def truth(discordance, effect):
    return (discordance + effect) / 2, (discordance - effect) / 2


def test_the_airway_data_of_fagerland_lydersen_and_laake_give_the_published_interval():
    low, high = tango.interval(1, 7, 21, 0.025)
    assert (round(low, 3), round(high, 3)) == (-0.517, -0.026)


@pytest.mark.parametrize("n", [500, 2_000, 10_000])
@pytest.mark.parametrize("discordance", [0.0105, 0.02, 0.06, 0.15])
def test_a_model_worse_by_exactly_the_margin_is_promoted_in_at_most_5_5_percent(n, discordance):
    assert probability(n, *truth(discordance, -0.01), passes(n, 0.01)) <= 0.055


@pytest.mark.parametrize("n", [500, 2_000, 10_000])
def test_that_holds_when_every_discordant_row_is_a_loss(n):
    lost = np.arange(n + 1)
    weight = stats.binom.pmf(lost, n, 0.01)
    assert float(np.sum(weight * passes(n, 0.01)(np.zeros_like(lost), lost))) <= 0.055


@pytest.mark.parametrize("n", [100, 500, 3_000])
@pytest.mark.parametrize("margin", [0.002, 0.02, 0.05])
def test_no_margin_and_discordance_of_a_wider_grid_exceeds_6_percent(n, margin):
    for discordance in (margin + 0.005, 0.1, 0.3):
        assert probability(n, *truth(discordance, -margin), passes(n, margin)) <= 0.06


def test_2000_rows_at_6_percent_discordance_decide_as_promised():
    n = 2_000
    assert probability(n, *truth(0.06, 0.0), passes(n, 0.01)) >= 0.55
    assert probability(n, *truth(0.06, 0.01), passes(n, 0.01)) >= 0.95
    assert probability(n, *truth(0.06, -0.03), fails(n, 0.01)) >= 0.95


def test_an_equal_model_fails_hardly_ever():
    assert probability(2_000, *truth(0.06, 0.0), fails(2_000, 0.01)) < 0.01


counts = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 500)).map(lambda t: (t[0], t[1], sum(t) + 1))


@given(counts, st.sampled_from([0.01, 0.05, 0.2]))
def test_the_interval_contains_the_effect_is_never_a_point_and_flips_with_the_models(sample, alpha):
    gained, lost, n = sample
    low, high = tango.interval(gained, lost, n, alpha)
    assert -1 <= low <= (gained - lost) / n <= high <= 1
    assert high - low > 0
    assert tango.interval(lost, gained, n, alpha) == pytest.approx((-high, -low), abs=1e-9)


@given(counts)
def test_the_interval_and_the_score_test_say_the_same(sample):
    gained, lost, n = sample
    low, _ = tango.interval(gained, lost, n, 0.05)
    for margin in (0.005, 0.05):
        if abs(low + margin) > 1e-9:
            assert bool(low > -margin) == bool(tango.score(gained, lost, n, -margin) > Z)


def test_without_discordant_pairs_the_width_is_that_of_the_formula():
    low, high = tango.interval(0, 0, 300, 0.05)
    assert high == pytest.approx(Z**2 / (300 + Z**2), rel=1e-6)
    assert low == pytest.approx(-high)
