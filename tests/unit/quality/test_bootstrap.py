import numpy as np
import pytest
from scipy import stats

from legion_ci.quality import tables
from legion_ci.quality.catalogue import METRICS
from legion_ci.quality.statistics import average_precision, bootstrap, cells, resampling, romano_wolf
from legion_ci.quality.statistics.resampling import resampled_sums
from legion_ci.quality.statistics.smooth import MEAN


def of_mean(values, replicates=10_000, seed=1):
    rng = np.random.default_rng(seed)
    return bootstrap.of_rows(MEAN, np.asarray(values)[:, None], reach=1.0, replicates=replicates, rng=rng)


def test_resampled_sums_have_the_law_of_drawing_rows_also_across_pieces():
    n = (1 << 14) + 5_000  # two pieces
    values = np.random.default_rng(0).normal(size=n)
    table = np.stack([np.ones(n), values], axis=1)
    sums = np.concatenate(list(resampled_sums(n, lambda a, b: table[a:b], 2_000, np.random.default_rng(1))))
    assert np.all(sums[:, 0] == n)
    assert sums[:, 1].mean() == pytest.approx(values.sum(), abs=4 * np.sqrt(n / 2_000))
    assert sums[:, 1].std() == pytest.approx(np.sqrt(n) * values.std(), rel=0.06)


def test_fetching_values_and_counting_rows_give_the_same_sums():
    rng = np.random.default_rng(0)
    table, drawn = rng.normal(size=(7, 3)), np.array([4, 0, 9, 0])  # some replicates draw no row of a piece
    rows = rng.integers(0, 7, size=13, dtype=np.int32)
    wanted = [table[rows[:4]].sum(axis=0), np.zeros(3), table[rows[4:]].sum(axis=0), np.zeros(3)]
    for add in (resampling._fetched, resampling._counted):
        assert add(table, rows, drawn) == pytest.approx(np.array(wanted))


def test_symmetric_rows_give_the_t_interval():
    values = np.random.default_rng(2).normal(0.3, 1, 400)
    low, high = of_mean(values).interval(0.05)
    wanted = stats.t.interval(0.90, 399, values.mean(), stats.sem(values))
    assert (low, high) == (pytest.approx(wanted[0], abs=0.004), pytest.approx(wanted[1], abs=0.004))


def test_the_same_seed_gives_the_same_bounds_and_other_seeds_nearly_the_same():
    values = np.random.default_rng(3).exponential(size=300)
    assert of_mean(values).interval(0.05) == of_mean(values).interval(0.05)
    assert of_mean(values, seed=2).interval(0.05) == pytest.approx(of_mean(values).interval(0.05), rel=0.01)


def test_skewed_losses_exceed_each_bound_in_about_5_percent():
    rng, runs = np.random.default_rng(4), 1_500
    found = np.array([of_mean(rng.exponential(size=100) - 1, 1_000, seed).interval(0.05) for seed in range(runs)])
    assert np.mean(found[:, 0] > 0) <= 0.068  # 5 % and three standard errors
    assert np.mean(found[:, 1] < 0) <= 0.068


def test_a_single_row_that_differs_leaves_the_question_open():
    values = np.zeros(500)
    values[0] = 1.0
    low, high = of_mean(values).interval(0.05)
    assert low < 0 < high


def test_rows_without_any_spread_are_bounded_by_what_could_have_been_missed():
    low, high = of_mean(np.zeros(200)).interval(0.05)
    assert -low == high == pytest.approx(1 - 0.05 ** (1 / 200))


def test_tests_and_intervals_of_the_bootstrap_agree():
    found = of_mean(np.random.default_rng(5).exponential(size=200))
    low, high = found.interval(0.05)
    assert found.p_above(low) == pytest.approx(0.05, abs=2e-4)
    assert found.p_below(high) == pytest.approx(0.05, abs=2e-4)


JOINT = {  # P(candidate, champion | class), positives and negatives: the candidate is worse
    1: np.array([[0.15, 0.08], [0.05, 0.72]]),
    0: np.array([[0.93, 0.01], [0.015, 0.045]]),
}


def passing_rate(name, positives, prevalence=0.2, runs=1_500):
    smooth = tables._difference(tables._metric(METRICS[name], 2), 2)
    shares = np.stack([(1 - prevalence) * JOINT[0], prevalence * JOINT[1]]).ravel()
    margin, n = -float(smooth.value(shares)), int(positives / prevalence)
    assert margin > 0
    rng = np.random.default_rng(6)
    drawn = (cells.of_counts(smooth, rng.multinomial(n, shares), replicates=1_000, rng=rng) for _ in range(runs))
    return np.mean([found.interval(0.05)[0] > -margin for found in drawn])


@pytest.mark.parametrize("metric", ["f1", "precision", "balanced_accuracy"])
@pytest.mark.parametrize(("positives", "most"), [(100, 0.08), (200, 0.07), (500, 0.065)])
def test_a_candidate_worse_by_the_margin_passes_about_as_often_as_alpha(metric, positives, most):
    assert passing_rate(metric, positives) <= most


def sliced(rng, n=1_200, shift=0.0):
    rows = rng.exponential(size=(n, 1)) - 1
    slices = [np.flatnonzero(np.arange(n) % 12 == s) for s in range(12)] + [np.arange(0, n, 2), np.arange(1, n, 2)]
    rows[slices[0]] -= shift
    return rows, slices


def adjusted(rows, slices, replicates=500, seed=0):
    errors = romano_wolf.slice_errors(MEAN, rows, slices, replicates, np.random.default_rng(seed))
    seen = np.array([rows[s].mean() / (rows[s].std() / np.sqrt(len(s) - 1)) for s in slices])
    return romano_wolf.step_down(seen, errors)


def test_slices_without_loss_raise_an_alarm_in_about_5_percent_of_runs():
    rng, runs = np.random.default_rng(8), 300
    alarms = sum(min(adjusted(*sliced(rng), seed=r)) <= 0.05 for r in range(runs))
    assert stats.binomtest(alarms, runs).proportion_ci(0.99).low <= 0.05


def test_the_slice_with_a_loss_is_the_one_that_is_named():
    found = adjusted(*sliced(np.random.default_rng(9), shift=0.8), replicates=2_000)
    assert found[0] <= 0.05
    assert min(found[1:12]) > 0.05


def test_errors_of_a_slice_are_those_of_its_own_bootstrap():
    rows, slices = sliced(np.random.default_rng(10))
    errors = romano_wolf.slice_errors(MEAN, rows, slices, 10_000, np.random.default_rng(1))
    alone = of_mean(rows[slices[12]][:, 0])
    wanted = np.quantile(alone.errors, [0.05, 0.5, 0.95])
    assert np.quantile(errors[:, 12], [0.05, 0.5, 0.95]) == pytest.approx(wanted, abs=0.06)


def test_average_precision_of_many_rows_has_the_bounds_of_ranking_them_anew(monkeypatch):
    rng = np.random.default_rng(11)
    positive = np.arange(6_000) < 120
    scores = rng.normal(size=6_000) + 2 * positive
    found = []
    for most in (10_000, 1_000):
        monkeypatch.setattr(average_precision, "MOST", most)
        made = average_precision.estimate(positive, scores, None, replicates=999, rng=np.random.default_rng(1))
        found.append((made.effect, *made.interval(0.05)))
    (effect, low, high), (same, near_low, near_high) = found
    assert same == effect
    assert (near_low, near_high) == pytest.approx((low, high), abs=0.25 * (high - low))
