import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quality_trinomial import probability
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference

from legion_ci.quality.statistics import holm, mcnemar

LEVEL = 0.05 / 200


@given(st.integers(0, 60), st.integers(0, 60))
def test_doubling_the_smaller_side_gives_the_two_sided_test_of_statsmodels(gained, lost):
    two_sided = reference(np.array([[100, gained], [lost, 100]]), exact=True).pvalue
    one_sided = min(mcnemar.p_loss(gained, lost, 300), mcnemar.p_loss(lost, gained, 300))
    assert min(1.0, 2 * one_sided) == pytest.approx(two_sided)


def test_the_airway_data_of_fagerland_lydersen_and_laake_give_the_published_exact_p():
    # M. W. Fagerland, S. Lydersen and P. Laake, BMC Medical Research Methodology 13 (2013): 1 and 7 discordant of 21 children
    assert 2 * mcnemar.p_loss(1, 7, 21) == pytest.approx(0.0703, abs=5e-5)
    assert 2 * mcnemar.p_loss(1, 7, 21) - stats.binom.pmf(1, 8, 0.5) == pytest.approx(0.0391, abs=5e-5)  # the mid-p


def loss_shown(n, level, margin=0.0):
    def decision(gained, lost):
        found = np.empty(np.broadcast_shapes(gained.shape, lost.shape), dtype=bool)
        for i, j in np.ndindex(found.shape):
            found[i, j] = mcnemar.p_loss(int(gained[i, 0]), int(lost[0, j]), n, margin) <= level
        return found

    return decision


def fast_loss_shown(level):
    return lambda gained, lost: stats.binom.sf(lost - 1, gained + lost, 0.5) <= level


@pytest.mark.parametrize(("n", "discordance"), [(100, 0.1), (500, 0.06), (2_000, 0.02), (2_000, 0.06), (2_000, 0.3)])
def test_200_slices_without_any_difference_raise_an_alarm_in_at_most_5_percent(n, discordance):
    one = probability(n, discordance / 2, discordance / 2, fast_loss_shown(LEVEL))
    assert 1 - (1 - one) ** 200 <= 0.05


def test_holm_over_200_null_slices_raises_an_alarm_in_at_most_5_5_percent_of_20000_runs():
    rng = np.random.default_rng(7)
    discordant = rng.binomial(2_000, 0.06, size=(20_000, 200))
    lost = rng.binomial(discordant, 0.5)
    p = stats.binom.sf(lost - 1, discordant, 0.5)
    smallest = p.min(axis=1) * 200  # Holm's first step decides whether there is any alarm
    assert np.mean(smallest <= 0.05) <= 0.055
    for run in p[:50]:
        assert (min(holm.adjusted(run)) <= 0.05) == (run.min() * 200 <= 0.05)


@pytest.mark.parametrize("discordance", [0.06, 0.10])
def test_one_slice_of_2000_rows_that_lost_5_points_is_found_among_200(discordance):
    gain, loss = (discordance - 0.05) / 2, (discordance + 0.05) / 2
    assert probability(2_000, gain, loss, fast_loss_shown(LEVEL)) >= 0.90


@pytest.mark.parametrize("discordance", [0.0101, 0.03, 0.1])
@pytest.mark.parametrize("level", [0.05, LEVEL])
def test_the_test_beyond_a_margin_is_exact_at_the_margin(discordance, level):
    n, margin = 400, 0.01
    gain, loss = (discordance - margin) / 2, (discordance + margin) / 2
    assert probability(n, gain, loss, loss_shown(n, level, margin)) <= level


def test_a_margin_only_ever_makes_an_alarm_rarer():
    for lost in range(5, 60):
        ps = [mcnemar.p_loss(5, lost, 500, margin) for margin in (0.0, 0.005, 0.02, 0.1)]
        assert ps == sorted(ps)


def test_all_losses_reject_from_the_fewest_pairs_on_and_not_before():
    fewest = mcnemar.fewest(LEVEL)
    assert mcnemar.p_loss(0, fewest, 1_000) <= LEVEL < mcnemar.p_loss(0, fewest - 1, 1_000)


def test_holm_agrees_with_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(1).uniform(size=40) ** 3
    assert holm.adjusted(p) == pytest.approx(list(multipletests(p, method="holm")[1]))
