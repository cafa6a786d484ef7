import numpy as np
import pyarrow as pa
import pytest
from quality_kinds import RuleModel, evidence, judge

from legion_ci.quality import alarms
from legion_ci.quality.statistics import calibration
from legion_ci.quality.statistics.two_rates import TwoRates

N = 4000
Y = np.arange(N) % 2
GROUP = np.where(np.arange(N) % 10 < 3, "few", "many")


def seen(tmp_path, answer, **columns):
    table = pa.table({"y": Y, "g": GROUP, **columns})
    return evidence(table, RuleModel(tmp_path, lambda t: pa.table(answer)))


def results(*told, **settings):
    return {f"{f.result.metric} {f.result.slice}": f.result for f in judge(*told, **settings)}


def test_each_rate_is_that_of_its_group(tmp_path):
    said = np.where(GROUP == "few", 0, Y)
    told = results(
        "fairness", seen(tmp_path, {"prediction": said}), groups=["g"], max_difference=0.1,
        measures=["demographic_parity", "equalised_odds", "predictive_parity"],
    )  # fmt: skip
    assert told["demographic parity g=few"].effect == pytest.approx(4 / 7, abs=0.01)
    assert told["true positive rate g=few"].effect == 1.0
    assert told["false positive rate g=few"].outcome == "PASS"
    assert (told["true positive rate g=few"].outcome, told["predictive parity g=few"].outcome) == (
        "FAIL",
        "NOT ASSESSED",
    )


def test_the_ratio_follows_the_four_fifths_rule(tmp_path):
    rng = np.random.default_rng(1)
    for share, outcome in ((0.48, "PASS"), (0.3, "FAIL"), (0.41, "INCONCLUSIVE")):
        said = (rng.permutation(N) / N < np.where(GROUP == "few", share, 0.5)).astype(int)
        [told] = results("fairness", seen(tmp_path, {"prediction": said}), groups="g", min_ratio=0.8).values()
        assert told.outcome == outcome
        assert told.lower <= told.effect <= told.upper <= 1


def test_small_groups_are_listed_and_leave_the_run_open(tmp_path):
    group = np.where(np.arange(N) < 20, "tiny", "other")
    told = judge("fairness", seen(tmp_path, {"prediction": Y}, h=group), groups="h", max_difference=0.1)
    assert [(f.result.outcome, f.blocks) for f in told] == [("NOT ASSESSED", True)]


def test_alarms_are_raised_by_holm_and_are_never_a_pass(tmp_path):
    for share, outcome in ((0.5, "NO ALARM"), (0.2, "FAIL")):
        said = (np.random.default_rng(2).permutation(N) / N < np.where(GROUP == "few", share, 0.5)).astype(int)
        found = judge("fairness", seen(tmp_path, {"prediction": said}), groups="g", max_difference=0.05, role="alarm")
        [settled] = alarms.settle(found, 0.05)
        assert settled.result.outcome == outcome
        assert settled.result.smallest_visible_loss > 0.05


def test_newcombes_interval_is_that_of_his_paper():
    """R. G. Newcombe 1998, table II, method 10: 56/70 against 48/80 gives 0.0524 … 0.3339 (two-sided 95 %)."""
    assert TwoRates(56, 70, 48, 80).difference_interval(0.025) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_bounds_of_differences_and_ratios_are_missed_in_about_alpha_of_the_runs():
    """2,000 runs, one-sided α 5 %: at most 7 % (Monte-Carlo standard error 0.5 %)."""
    rng = np.random.default_rng(5)
    x, y = rng.binomial(150, 0.3, 2000), rng.binomial(400, 0.2, 2000)
    two = [TwoRates(int(a), 150, int(b), 400) for a, b in zip(x, y, strict=True)]
    for bounds, truth in (
        (np.array([t.difference_interval(0.05) for t in two]), 0.1),
        (np.array([t.log_ratio_interval(0.05) for t in two]), np.log(1.5)),
    ):
        assert np.mean(bounds[:, 0] > truth) <= 0.07
        assert np.mean(bounds[:, 1] < truth) <= 0.07


def scored(p):
    return {"prediction": (p > 0.5).astype(int), "probability_0": 1 - p, "probability_1": p}


def test_good_probabilities_pass_and_overconfident_ones_fail_with_their_bins(tmp_path):
    x = np.random.default_rng(8).normal(0.4 * (2 * Y - 1), 1)  # log-odds of the truth: 0.8 x
    for factor, outcome in ((0.8, "PASS"), (2.4, "FAIL")):
        found = judge(
            "calibration",
            seen(tmp_path, scored(1 / (1 + np.exp(-factor * x)))),
            max_ece=0.05,
            slope_within=0.35,
            intercept_within=0.3,
        )
        told = {f.result.name.removeprefix("calibration: "): f.result for f in found}
        assert told["expected calibration error"].outcome == outcome
        assert told["slope within 0.35 of 1"].outcome == outcome
        assert sum(d["rows"] for d in told["expected calibration error"].details) == N


def test_the_error_of_perfect_probabilities_is_smaller_without_its_bias():
    rng = np.random.default_rng(1)
    p = rng.random(1000)
    curve = calibration.reliability(p, rng.random(1000) < p, 10)
    assert curve.error().effect < curve.plain


def test_probabilities_that_are_none_fail_and_few_positives_say_nothing(tmp_path):
    p = np.full(N, 0.5)
    p[:3] = 1.5
    [told] = judge("calibration", seen(tmp_path, scored(p)), max_ece=0.1)
    assert (told.result.outcome, told.reason) == ("FAIL", "invalid_predictions")
    table = pa.table({"y": (np.arange(N) < 10).astype(int)})
    [told] = judge(
        "calibration", evidence(table, RuleModel(tmp_path, lambda t: pa.table(scored(np.full(N, 0.1))))), max_ece=0.1
    )
    assert (told.result.outcome, told.reason) == ("INCONCLUSIVE", "too_few_rows")


def test_at_exactly_the_limit_calibration_passes_in_about_alpha_of_the_runs():
    """Every bin off by 0.1, limit 0.1: 600 runs at α 5 %, at most 8 % (Monte-Carlo standard error 0.9 %)."""
    rng = np.random.default_rng(7)
    bounds = []
    for _ in range(600):
        p = rng.uniform(0.2, 0.8, 1500)
        bounds.append(calibration.reliability(p, rng.random(1500) < p + 0.1, 10).error().interval(0.05))
    low, high = np.array(bounds).T
    assert np.mean(high < 0.1) <= 0.08
    assert np.mean(low > 0.1) <= 0.08
