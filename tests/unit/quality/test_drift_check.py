import numpy as np
import pyarrow as pa
import pytest
from quality_kinds import RuleModel, evidence, judge
from scipy import spatial, stats

from legion_ci.quality.statistics import divergence

RNG = np.random.default_rng(20261121)
N = 20_000


def rule(table):
    return pa.table({"prediction": np.zeros(len(table))})


def found(tmp_path, training, seen, **settings):
    y = np.arange(len(next(iter(seen.values())))) % 2
    model = RuleModel(tmp_path, rule).trained_on(pa.table(training))
    told = judge("drift", evidence(pa.table({**seen, "y": y}), model), **settings)
    return {f.result.name.removeprefix("drift: "): f.result for f in told}


def test_values_from_sketches_are_those_of_scipy(tmp_path):
    old, new = RNG.normal(0, 1, N), RNG.normal(0.3, 1.2, N)
    told = found(tmp_path, {"x": old}, {"x": new}, measures=["ks", "wasserstein"])
    assert told["x ks"].effect == pytest.approx(stats.ks_2samp(old, new).statistic, abs=0.01)
    assert told["x wasserstein"].effect == pytest.approx(stats.wasserstein_distance(old, new) / old.std(), rel=0.05)


def test_divergences_are_those_of_scipy_where_rows_are_many():
    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.3, 0.3, 0.4])
    many = 1e9
    assert divergence.jensen_shannon(p * many, q * many).value == pytest.approx(
        spatial.distance.jensenshannon(p, q, base=2), rel=1e-6
    )
    assert divergence.psi(p * many, q * many).value == pytest.approx(np.sum((p - q) * np.log(p / q)), rel=1e-6)
    chi2 = stats.chi2_contingency(np.stack([p, q]) * many).statistic
    assert divergence.cramers_v(p * many, q * many).value == pytest.approx(np.sqrt(chi2 / (2 * many)), rel=1e-6)


def test_an_effect_that_is_significant_but_small_is_no_drift_and_a_large_one_is(tmp_path):
    training = {"x": RNG.normal(0, 1, N), "c": RNG.choice(["a", "b"], N)}
    for shift, share, outcome in ((0.05, 0.52, "PASS"), (1.0, 0.9, "FAIL")):
        seen = {"x": RNG.normal(shift, 1, N), "c": RNG.choice(["a", "b"], N, p=[share, 1 - share])}
        told = found(tmp_path, training, seen, measures=["psi", "ks", "wasserstein", "jensen_shannon", "chi2"])
        assert {r.outcome for r in told.values()} == {outcome}
        assert set(told) == {
            "x psi",
            "x ks",
            "x wasserstein",
            "x jensen_shannon",
            "c psi",
            "c jensen_shannon",
            "c chi2",
        }
    assert [d["training"] for d in told["c chi2"].details] == pytest.approx([0.5, 0.5, 0], abs=0.02)


def test_missing_values_new_values_and_another_kind_of_column_are_drift(tmp_path):
    training = {"m": np.ones(N), "c": ["a"] * N, "k": np.arange(N), "low": np.ones(N)}
    seen = {"m": np.where(RNG.random(N) < 0.5, np.nan, 1), "c": ["z"] * N, "k": ["1"] * N, "low": np.zeros(N)}
    told = found(tmp_path, training, seen)
    assert {r.outcome for r in told.values()} == {"FAIL"}
    assert told["k"].message == "it was a column of numbers in training and is one of values now"


def test_few_rows_do_not_decide(tmp_path):
    told = found(tmp_path, {"x": RNG.normal(0, 1, N)}, {"x": RNG.normal(0.4, 1, 40)})
    assert told["x psi"].outcome == "INCONCLUSIVE"


def test_a_model_without_a_reference_is_told_to_be_trained_again(tmp_path):
    model = RuleModel(tmp_path, rule)
    [told] = judge("drift", evidence(pa.table({"x": [1.0, 2], "y": [0, 1]}), model))
    assert (told.result.outcome, told.reason) == ("INCONCLUSIVE", "no_reference")
    assert "train it again" in told.result.message


@pytest.mark.parametrize(
    "measure", [divergence.psi, divergence.jensen_shannon, divergence.cramers_v, divergence.kolmogorov_smirnov]
)
def test_at_exactly_the_limit_a_pass_or_a_fail_comes_in_about_alpha_of_the_runs(measure):
    """1,000 runs at α 5 %: at most 7.5 % (Monte-Carlo standard error 0.7 %)."""
    p, q = np.full(10, 0.1), np.linspace(0.04, 0.16, 10)
    limit = measure(p * 1e10, q * 1e10).value
    rng = np.random.default_rng(3)
    bounds = np.array([
        measure(rng.multinomial(5000, p).astype(float), rng.multinomial(2000, q).astype(float)).interval(0.05)
        for _ in range(1000)
    ])  # fmt: skip
    assert np.mean(bounds[:, 1] < limit) <= 0.075
    assert np.mean(bounds[:, 0] > limit) <= 0.075
