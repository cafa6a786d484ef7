import numpy as np
import pytest
from quality_rows import World, labelled, pairs, scored

from legion_ci.core.errors import ConfigurationError, OrderError, ToolError
from legion_ci.quality.metric_settings import MetricSettings as Check
from legion_ci.results import Outcome, Verdict

N = 2_000


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEGION_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def rng():
    return np.random.default_rng(20261121)


def balanced(n=N):
    return np.arange(n) % 2


def world(tmp_path, gained=60, lost=60, n=N, both_wrong=100, **columns):
    """Two models of accuracy about .92 on balanced rows with exactly these discordant ones."""
    y = balanced(n)
    mix = np.random.default_rng(3).permutation(n)
    new, old = (mix[list(wrong)] for wrong in pairs(n, gained, lost, both_wrong=both_wrong))
    return World(tmp_path, {"y": y, "x": np.arange(n) * 1.0, **columns}, labelled(y, new), labelled(y, old))


NOT_WORSE = Check(metric="accuracy", versus="champion", margin=0.01)


@pytest.mark.parametrize(
    ("gained", "lost", "verdict"),
    [(60, 60, Verdict.PASS), (70, 50, Verdict.PASS), (50, 70, Verdict.INCONCLUSIVE), (20, 100, Verdict.FAIL)],
)
def test_three_verdicts_from_the_interval_against_the_margin(tmp_path, gained, lost, verdict):
    result = world(tmp_path, gained, lost).judge(NOT_WORSE)
    (check,) = result.checks
    assert result.verdict == verdict == check.outcome
    assert check.effect == pytest.approx((gained - lost) / N)
    assert check.lower < check.effect < check.upper
    assert (check.bound, check.margin, check.alpha, check.n, check.method) == (-0.01, 0.01, 0.05, N, "Tango")
    assert (check.lower > check.bound) == (verdict == Verdict.PASS)
    assert (check.upper < check.bound) == (verdict == Verdict.FAIL)


def test_an_undecided_run_says_how_many_rows_would_decide(tmp_path):
    result = world(tmp_path, 40, 45, n=1_000).judge(NOT_WORSE)
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "interval_covers_bound")
    (check,) = result.checks
    assert check.n_needed == pytest.approx(0.086 * 6.1826 / 0.01**2, rel=0.01)
    assert result.more_data.startswith("about 5,3")
    assert "80 % power" in result.more_data


def test_superiority_needs_more_than_no_loss(tmp_path):
    better = Check(metric="accuracy", versus="champion", superior=True)
    assert world(tmp_path / "a", 60, 60).judge(better).verdict == Verdict.INCONCLUSIVE
    assert world(tmp_path / "b", 90, 50).judge(better).verdict == Verdict.PASS
    assert world(tmp_path / "c", 50, 90).judge(better).verdict == Verdict.FAIL


@pytest.mark.parametrize(("bound", "verdict"), [(0.90, "PASS"), (0.92, "INCONCLUSIVE"), (0.95, "FAIL")])
def test_an_absolute_bound_is_decided_on_the_interval_too(tmp_path, bound, verdict):
    result = world(tmp_path).judge(Check(metric="accuracy", min=bound))
    assert result.verdict == verdict
    assert result.checks[0].candidate == pytest.approx(1 - 160 / N)


def test_a_maximum_is_kept_when_the_upper_bound_is_below_it(tmp_path, rng):
    y = balanced()
    there = World(tmp_path, {"y": y}, scored(np.clip(0.25 + 0.5 * y + rng.normal(0, 0.1, N), 0, 1)))
    below, above = (there.judge(Check(metric="brier", max=m), first=True).checks[0] for m in (0.1, 0.05))
    assert (below.outcome, above.outcome) == ("PASS", "FAIL")
    assert below.at_most
    assert below.upper < 0.1
    assert above.lower > 0.05


def test_any_fail_fails_and_else_anything_open_is_inconclusive(tmp_path):
    there = world(tmp_path, 60, 60)
    sure, wrong, unsure = (Check(metric="accuracy", min=m) for m in (0.85, 0.99, 0.92))
    assert there.judge(sure, unsure, wrong).verdict == Verdict.FAIL
    assert there.judge(sure, unsure).verdict == Verdict.INCONCLUSIVE
    assert there.judge(sure, NOT_WORSE).verdict == Verdict.PASS


def with_slices(tmp_path, worse=(), n=4_000, **gate):
    """20 slices of 200 rows; in those named the candidate lost a quarter of the rows."""
    group = np.arange(n) % 20
    y = (np.arange(n) // 20) % 2
    lost = np.flatnonzero(np.isin(group, worse) & (np.arange(n) // 40 % 4 == 0))
    return World(tmp_path, {"y": y, "g": group, "h": ["same"] * n}, labelled(y, lost), labelled(y, np.arange(0)))


RECALL = Check(metric="recall", versus="champion", slices=["g"])


def test_slices_without_a_loss_raise_no_alarm_and_are_never_called_a_pass(tmp_path):
    result = with_slices(tmp_path).judge(RECALL, Check(metric="accuracy", min=0.9))
    alarms = [c for c in result.checks if c.role == "alarm"]
    assert len(alarms) == 20
    assert {c.outcome for c in alarms} == {Outcome.NO_ALARM}
    assert all(c.smallest_visible_loss > 0.05 for c in alarms)
    assert result.summary == "PASS: 1 of 1 required check, 20 slices without alarm, 4,000 rows"


def test_the_slice_that_lost_is_the_alarm_and_fails_the_run(tmp_path):
    result = with_slices(tmp_path, worse=[7]).judge(RECALL)
    raised = [c for c in result.checks if c.outcome == Outcome.FAIL]
    assert [c.slice for c in raised] == ["g=7"]
    assert raised[0].effect == pytest.approx(-0.25, abs=0.01)
    assert raised[0].method.startswith("exact McNemar")
    assert (result.verdict, result.reason) == (Verdict.FAIL, "alarm")


def test_a_slice_margin_lets_a_small_loss_be(tmp_path):
    assert with_slices(tmp_path, worse=[7]).judge(RECALL, slice_margin=0.3).verdict == Verdict.PASS


def test_alarms_of_row_losses_are_found_by_one_bootstrap(tmp_path, rng):
    n = 4_000
    y, group = (np.arange(n) // 20) % 2, np.arange(n) % 20
    old = np.clip(0.2 + 0.6 * y + rng.normal(0, 0.1, n), 0, 1)
    new = np.where(group == 3, np.clip(old + 0.2 * (1 - 2 * y), 0, 1), np.clip(old + rng.normal(0, 0.02, n), 0, 1))
    there = World(tmp_path, {"y": y, "g": group}, scored(new), scored(old))
    result = there.judge(Check(metric="brier", versus="champion", slices=["g"]))
    assert [c.slice for c in result.checks if c.outcome == Outcome.FAIL] == ["g=3"]


def test_a_declared_slice_that_is_absent_leaves_the_run_open_unless_noted(tmp_path):
    there = with_slices(tmp_path)
    declared = Check(metric="recall", versus="champion", slices={"g": [1, 99]})
    result = there.judge(declared)
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "not_assessed")
    assert [(c.slice, c.outcome) for c in result.checks] == [("g=1", "NO ALARM"), ("g=99", "NOT ASSESSED")]
    assert there.judge(declared, on_unassessed="note").verdict == Verdict.PASS


def test_small_slices_that_were_only_found_are_listed(tmp_path):
    there = with_slices(tmp_path)
    there.rows["g"] = np.where(np.arange(4_000) < 30, 77, there.rows["g"])
    result = there.judge(RECALL)
    assert result.verdict == Verdict.PASS
    assert [c.slice for c in result.checks if c.outcome == Outcome.NOT_ASSESSED] == ["g=77"]
    assert "1 slice not assessed" in result.summary


def test_a_column_with_no_slice_large_enough_leaves_the_run_open(tmp_path):
    result = with_slices(tmp_path).judge(RECALL, min_rare=150)
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "not_assessed")
    assert "evaluation rows" in result.more_data


def test_required_slices_must_all_pass(tmp_path):
    by_half = Check(metric="accuracy", versus="champion", margin=0.05, slices=["h"], role="require")
    assert with_slices(tmp_path).judge(by_half).checks[0].outcome == Outcome.PASS


def test_the_first_model_is_judged_by_absolute_bounds_alone(tmp_path):
    there = world(tmp_path)
    there.champion = None
    result = there.judge(NOT_WORSE, Check(metric="accuracy", min=0.9), first=True)
    assert result.verdict == Verdict.PASS
    assert (result.checks[0].outcome, result.checks[0].message) == ("NOT ASSESSED", "first model, no champion")
    assert result.summary.startswith("PASS: 1 of 1 required check, 1 check not assessed (first model, no champion)")
    assert there.predictor.asked == ["candidate new"]


def test_a_missing_champion_has_to_be_said(tmp_path):
    there = world(tmp_path)
    there.champion = None
    with pytest.raises(OrderError, match="say --first"):
        there.judge(NOT_WORSE)


def test_the_same_model_is_not_worse_and_not_better(tmp_path):
    there = world(tmp_path)
    same = there.judge(NOT_WORSE, same=True)
    assert (same.verdict, same.checks[0].message) == (Verdict.PASS, "the same model")
    assert there.predictor.asked == ["candidate new"]
    assert there.judge(Check(metric="accuracy", versus="champion", superior=True), same=True).verdict == Verdict.FAIL


def test_no_checks_is_never_a_pass(tmp_path):
    there = world(tmp_path)
    result = there.judge()
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "no_checks")
    assert "quality.checks" in result.summary
    assert there.predictor.asked == []


def test_clustered_rows_widen_the_interval_and_few_clusters_never_pass(tmp_path):
    users = np.arange(N) // 10  # 200 clusters
    plain = world(tmp_path / "a", user=users, day=np.arange(N) // 100)
    many = plain.judge(NOT_WORSE, cluster="user").checks[0]
    assert (many.outcome, many.method) == ("PASS", "cluster-robust, CR1, t(199)")
    few = plain.judge(Check(metric="accuracy", versus="champion", margin=0.04), cluster="day")
    assert (few.verdict, few.reason) == (Verdict.INCONCLUSIVE, "too_few_clusters")
    assert plain.judge(Check(metric="accuracy", min=0.99), cluster="day").verdict == Verdict.FAIL


def test_attempts_on_the_same_rows_are_counted_by_candidate(tmp_path):
    there = world(tmp_path)
    assert there.judge(NOT_WORSE).attempts == 1
    assert there.judge(NOT_WORSE).attempts == 1  # the same candidate again
    assert there.judge(NOT_WORSE, same=True).attempts == 1  # another champion
    from legion_ci.quality import attempts

    assert [attempts.count("c", "d", "s", f"model {i}") for i in range(3)] == [1, 2, 3]


def test_the_same_question_gets_the_same_answer_to_the_last_digit(tmp_path, rng):
    y = balanced()
    old = np.clip(0.2 + 0.6 * y + rng.normal(0, 0.2, N), 0, 1)
    there = World(tmp_path, {"y": y}, scored(np.clip(old + rng.normal(0, 0.05, N), 0, 1)), scored(old))
    check = Check(metric="brier", versus="champion", margin=0.005)
    assert there.judge(check).checks == there.judge(check).checks


def test_a_threshold_replaces_the_models_own_label(tmp_path):
    y = balanced()
    there = World(tmp_path, {"y": y}, {**scored(np.where(y == 1, 0.4, 0.1)), "prediction": np.arange(N) % 3 % 2})
    result = there.judge(Check(metric="recall", min=0.9, threshold=0.3), first=True)
    assert result.checks[0].candidate == 1.0


def test_numbers_are_judged_too(tmp_path, rng):
    y = rng.normal(size=N)
    there = World(
        tmp_path, {"y": y}, {"prediction": y + rng.normal(0, 0.5, N)}, {"prediction": y + rng.normal(0, 0.6, N)}
    )
    checks = [Check(metric=m, versus="champion", superior=True) for m in ("mae", "mse", "rmse", "r2")]
    assert there.judge(*checks, Check(metric="r2", min=0.5)).verdict == Verdict.PASS


def test_the_check_names_its_place(tmp_path):
    assert world(tmp_path).judge(NOT_WORSE).checks[0].where == "quality.checks[0]"


def test_a_champion_that_cannot_be_asked_is_an_error(tmp_path):
    there = world(tmp_path)

    def raising(who, model, request):
        raise ToolError(f"the {who} cannot be loaded")

    there.judge(NOT_WORSE)
    from legion_ci.quality import stage

    class Broken:
        predict = staticmethod(raising)

    with pytest.raises(ToolError, match="cannot be loaded"):
        stage._answers("champion", there.judge(NOT_WORSE).candidate, None, Broken())


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    there = world(tmp_path, carrier=["a"] * N)
    wrong = [
        Check(metric="recall", versus="champion", slices=["carier"]),
        Check(metric="recall", min=0.5, positive="yes"),
        NOT_WORSE,
    ]
    with pytest.raises(ConfigurationError) as caught:
        there.judge(*wrong, cluster="usr")
    said = str(caught.value)
    assert "there is no column 'carier'; did you mean carrier?" in said
    assert "there is no class 'yes' in the target; there are 0, 1" in said
    assert "quality.cluster: there is no column 'usr'" in said
