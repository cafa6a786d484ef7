import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from legion_ci.quality.statistics import delong
from legion_ci.quality.statistics.bootstrap import NoSpread
from legion_ci.quality.statistics.estimate import LargeSample
from legion_ci.quality.statistics.proportion import PairedShare, Share


def kernel(x, y):
    return 1.0 if x > y else 0.5 if x == y else 0.0


def structural_components(positive, scores):
    """DeLong, DeLong and Clarke-Pearson's definition, pair by pair."""
    x, y = scores[positive], scores[~positive]
    v10 = np.array([np.mean([kernel(a, b) for b in y]) for a in x])
    v01 = np.array([np.mean([kernel(a, b) for a in x]) for b in y])
    return v10, v01


def by_definition(positive, one, two):
    """Difference of two areas and its standard error, from the components of each."""
    (a10, a01), (b10, b01) = structural_components(positive, one), structural_components(positive, two)
    covariance = np.cov(a10, b10) / positive.sum() + np.cov(a01, b01) / (~positive).sum()
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return a10.mean() - b10.mean(), np.sqrt(variance)


def ratings_of_hanley_and_mcneil():
    normal, abnormal = [33, 6, 6, 11, 2], [3, 2, 2, 11, 33]
    scores = np.repeat([1, 2, 3, 4, 5] * 2, normal + abnormal).astype(float)
    return np.repeat([False, True], [sum(normal), sum(abnormal)]), scores


def test_the_ct_ratings_of_hanley_and_mcneil_give_the_published_area_and_standard_error():
    # J. A. Hanley and B. J. McNeil, Radiology 143 (1982); DeLong's error as in Stata's manual of roctab
    positive, scores = ratings_of_hanley_and_mcneil()
    found = delong.single(positive, scores)
    assert found.effect == pytest.approx(0.8932, abs=5e-5)
    assert found.se == pytest.approx(0.0307, abs=5e-5)


# E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, Biometrics 44 (1988): 49 patients with ovarian cancer, of whom 43 have
# all three measurements: albumin, total protein, K-G score (few is good), and whether surgery was of use.
OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1  3.8 5.7 5 1
3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0
4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1
4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1
2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1"""


def test_the_contrasts_of_delongs_own_patients_are_those_of_the_definition():
    albumin, protein, score, useful = np.array(OVARIAN.split(), dtype=float).reshape(-1, 4).T
    positive, few = useful == 1, 10 - score
    for other in (albumin, protein):
        effect, error = by_definition(positive, other, few)
        found = delong.paired(positive, other, few)
        assert (found.effect, found.se) == (pytest.approx(effect), pytest.approx(error))


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 9), st.booleans())
def test_placements_are_the_structural_components_with_and_without_ties(seed, levels, ties):
    rng = np.random.default_rng(seed)
    positive = rng.permutation(np.arange(40) < 15)
    scores = rng.integers(0, levels, 40).astype(float) if ties else rng.normal(size=40)
    placed = delong.placements(positive, scores)
    v10, v01 = structural_components(positive, scores)
    assert placed.positives == pytest.approx(v10)
    assert placed.negatives == pytest.approx(v01)
    assert placed.area == pytest.approx(roc_auc_score(positive, scores))
    assert delong.influence(positive, scores).sum() == pytest.approx(0, abs=1e-9)


def test_the_paired_error_is_delongs_by_definition():
    rng = np.random.default_rng(3)
    positive = np.arange(120) < 45
    one, two = (rng.normal(size=120) + positive for _ in range(2))
    two = 0.5 * one + two
    effect, error = by_definition(positive, one, two)
    found = delong.paired(positive, one, two)
    assert effect == pytest.approx(roc_auc_score(positive, one) - roc_auc_score(positive, two))
    assert (found.effect, found.se) == (pytest.approx(effect), pytest.approx(error))


def correlated(rng, n_positive, n, worse, r):
    positive = np.arange(n) < n_positive
    common, *own = rng.normal(size=(3, n))
    old, new = (np.sqrt(r) * common + np.sqrt(1 - r) * o for o in own)
    shift = lambda area: np.sqrt(2) * stats.norm.ppf(area)  # noqa: E731
    return positive, new + positive * shift(0.90 - worse), old + positive * shift(0.90)


@pytest.mark.parametrize(("n_positive", "r"), [(50, 0.9), (100, 0.98), (250, 0.9)])
def test_a_candidate_worse_by_the_margin_passes_in_at_most_7_percent_from_50_of_the_rarer_class(n_positive, r):
    rng, runs, margin = np.random.default_rng(11), 3_000, 0.01
    passed = sum(
        delong.paired(*correlated(rng, n_positive, 500, margin, r)).interval(0.05)[0] > -margin for _ in range(runs)
    )
    assert stats.binomtest(passed, runs).proportion_ci(0.99).low <= 0.07
    assert passed / runs <= 0.075


def test_a_bound_of_one_model_holds_in_about_95_percent_on_each_side():
    rng, runs = np.random.default_rng(12), 2_000
    found = []
    for _ in range(runs):
        positive, scores, _ = correlated(rng, 100, 400, 0.0, 0.5)
        found.append(delong.single(positive, scores).interval(0.05))
    low, high = np.array(found).T
    assert np.mean(low > 0.90) < 0.065
    assert np.mean(high < 0.90) < 0.065


def test_perfect_separation_is_not_a_point():
    positive = np.arange(200) < 60
    found = delong.single(positive, positive + np.linspace(0, 0.5, 200))
    assert isinstance(found, Share)
    low, high = found.interval(0.05)
    assert (low, high) == (pytest.approx(0.05 ** (1 / 60)), 1.0)


def test_two_models_with_the_same_ranks_are_not_a_point():
    positive = np.arange(200) < 60
    scores = np.random.default_rng(1).normal(size=200) + positive
    found = delong.paired(positive, scores, scores * 3 + 1)
    assert isinstance(found, PairedShare)
    low, high = found.interval(0.05)
    assert low < 0 < high


def test_tests_and_intervals_agree():
    positive = np.arange(300) < 100
    rng = np.random.default_rng(2)
    one, two = rng.normal(size=300) + positive, rng.normal(size=300) + 0.8 * positive
    estimates = [delong.single(positive, one), delong.paired(positive, one, two), LargeSample(0.2, 0.1, 20, "", 19.0)]
    for found, alpha in itertools.product(estimates, (0.01, 0.05, 0.3)):
        low, high = found.interval(alpha)
        assert found.p_above(low) == pytest.approx(alpha)
        assert found.p_below(high) == pytest.approx(alpha)


def test_no_spread_bounds_what_could_have_been_missed():
    found = NoSpread(0.0, 100, 1.0)
    low, _ = found.interval(0.05)
    assert low == pytest.approx(-(1 - 0.05**0.01))
    assert found.p_above(low) == pytest.approx(0.05)
    assert found.p_above(-0.5) < 1e-20
    assert found.p_below(-0.5) == 1.0
