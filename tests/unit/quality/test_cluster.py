import numpy as np
import pytest

from legion_ci.quality.statistics import cluster


def drawn(rng, groups, size, icc):
    """Paired 0/1/−1 differences with mean −0.01 that share their draw within a cluster with probability √icc."""
    values = np.array([1.0, -1.0, 0.0])
    chances = [0.025, 0.035, 0.94]
    own = rng.choice(values, p=chances, size=(groups, size))
    shared = rng.choice(values, p=chances, size=(groups, 1))
    return np.where(rng.random((groups, size)) < np.sqrt(icc), shared, own)


@pytest.mark.parametrize(("groups", "size"), [(200, 10), (50, 40)])
def test_clustered_rows_at_the_margin_pass_in_about_5_percent(groups, size):
    rng, runs = np.random.default_rng(5), 3_000
    codes = np.repeat(np.arange(groups), size)
    passed = 0
    for _ in range(runs):
        d = drawn(rng, groups, size, 0.05).ravel()
        passed += cluster.robust(d.mean(), d - d.mean(), codes).interval(0.05)[0] > -0.01
    assert passed / runs <= 0.075  # 6.5 % and 2.5 standard errors of 3,000 runs


def test_clusters_of_one_row_are_ordinary_rows():
    d = np.random.default_rng(1).normal(size=500)
    found = cluster.robust(d.mean(), d - d.mean(), np.arange(500))
    assert found.se == pytest.approx(d.std(ddof=1) / np.sqrt(500))
    assert found.clusters == 500


def test_repeating_every_row_in_its_cluster_adds_no_certainty():
    d = np.random.default_rng(2).normal(size=100)
    once = cluster.robust(d.mean(), d - d.mean(), np.arange(100))
    often = np.repeat(d, 20)
    again = cluster.robust(often.mean(), often - often.mean(), np.repeat(np.arange(100), 20))
    assert again.interval(0.05) == pytest.approx(once.interval(0.05))


def test_clusters_that_all_agree_are_not_a_point():
    low, high = cluster.robust(0.0, np.zeros(300), np.repeat(np.arange(60), 5)).interval(0.05)
    assert low < -0.02
    assert high > 0.02


def test_one_cluster_says_nothing():
    low, high = cluster.robust(0.1, np.array([0.5, -0.5]), np.zeros(2, dtype=np.int64)).interval(0.05)
    assert (low, high) == (-np.inf, np.inf)
