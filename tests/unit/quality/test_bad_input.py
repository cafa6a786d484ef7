import numpy as np
import pyarrow as pa
import pytest
from quality_rows import World, labelled, scored

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.quality.metric_settings import MetricSettings as Check
from legion_ci.results import Verdict

N = 2_000
ACCURACY = Check(metric="accuracy", min=0.5)
AUC = Check(metric="roc_auc", min=0.5)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEGION_CACHE", str(tmp_path / "cache"))


def world(tmp_path, y, candidate=None, champion=None):
    y = np.asarray(y)
    return World(tmp_path, {"y": y}, candidate or {"prediction": y}, champion)


def problem(there, *checks, **gate):
    with pytest.raises(ConfigurationError) as caught:
        there.judge(*checks, first=True, **gate)
    return str(caught.value)


def balanced():
    return np.arange(N) % 2


def test_no_rows_is_an_error(tmp_path):
    assert "0 rows" in problem(world(tmp_path, np.array([], dtype=int)), ACCURACY)


def test_one_row_is_inconclusive_or_an_error_and_never_a_pass(tmp_path):
    assert "one class only" in problem(world(tmp_path, [1]), ACCURACY)
    one = world(tmp_path, [1.5]).judge(Check(metric="mae", max=1.0), first=True)
    assert (one.verdict, one.reason) == (Verdict.INCONCLUSIVE, "too_few_rows")


@pytest.mark.parametrize("metric", ["roc_auc", "recall", "f1", "accuracy", "brier", "log_loss", "balanced_accuracy"])
def test_one_class_is_an_error(tmp_path, metric):
    bound = {"max": 0.5} if metric in ("brier", "log_loss") else {"min": 0.5}
    assert "the target has one class only (0)" in problem(
        world(tmp_path, np.zeros(100, int)), Check(metric=metric, **bound)
    )


def test_no_target_no_column_and_no_data_set_are_errors(tmp_path):
    assert "set data.eval.target" in problem(world(tmp_path, balanced()), ACCURACY, target=None)
    assert "there is no column 'yy'; did you mean y?" in problem(world(tmp_path, balanced()), ACCURACY, target="yy")


def test_a_target_with_gaps_is_an_error(tmp_path):
    there = world(tmp_path, balanced())
    there.rows["y"] = pa.array([None, *balanced()[1:]])
    assert "missing in 1 of 2,000 rows" in problem(there, ACCURACY)


def test_a_target_of_many_numbers_is_not_classes_and_text_is_not_numbers(tmp_path):
    numbers = world(tmp_path, np.arange(N) + 0.5)
    assert "2,000 different values, and accuracy is for classes" in problem(numbers, ACCURACY)
    assert "mae needs a target of numbers" in problem(world(tmp_path, ["a", "b"] * 50), Check(metric="mae", max=1.0))


def test_three_classes_need_a_positive_one(tmp_path):
    there = world(tmp_path, np.arange(N) % 3)
    assert "needs to know the positive one; set positive to one of 0, 1, 2" in problem(
        there, Check(metric="recall", min=0.5)
    )
    assert there.judge(Check(metric="recall", min=0.5, positive=2), first=True).verdict == Verdict.PASS


def test_a_constant_target_has_no_r2(tmp_path):
    assert "r2 needs it to vary" in problem(world(tmp_path, np.full(100, 2.5)), Check(metric="r2", min=0.5))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinite_predictions_of_the_candidate_fail(tmp_path, bad):
    y = balanced()
    p = np.where(y == 1, 0.8, 0.2)
    p[7] = bad
    result = world(tmp_path, y, scored(p)).judge(AUC, first=True)
    assert (result.verdict, result.reason) == (Verdict.FAIL, "invalid_predictions")
    assert "1 of 2,000 predictions are missing, NaN or infinite" in result.checks[0].message


def test_nan_predictions_of_the_champion_are_an_error(tmp_path):
    y = balanced()
    there = world(tmp_path, y, scored(np.where(y == 1, 0.8, 0.2)), scored(np.full(N, np.nan)))
    with pytest.raises(ToolError, match="the champion m old: 2,000 of 2,000"):
        there.judge(Check(metric="roc_auc", versus="champion", margin=0.01))


@pytest.mark.parametrize("check", [ACCURACY, AUC, Check(metric="recall", min=0.1), Check(metric="brier", max=0.9)])
def test_predictions_that_are_all_equal_never_pass(tmp_path, check):
    result = world(tmp_path, balanced(), scored(np.full(N, 0.7))).judge(check, first=True)
    assert (result.verdict, result.reason) == (Verdict.FAIL, "constant_predictions")


def test_few_of_the_rarer_class_are_inconclusive_with_the_rows_that_are_needed(tmp_path):
    y = (np.arange(N) < 20).astype(int)
    result = world(tmp_path, y, scored(np.where(y == 1, 0.8, np.linspace(0, 0.4, N)))).judge(AUC, first=True)
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "too_few_rows")
    assert (result.checks[0].n_rare, result.checks[0].n_needed, result.checks[0].lower) == (20, 5_000, None)
    assert result.more_data == "about 5,000 evaluation rows would decide 'roc_auc ≥ 0.5' (80 % power)"


def test_bootstrapped_counts_need_four_times_as_many(tmp_path):
    y = (np.arange(N) < 150).astype(int)
    result = world(tmp_path, y, labelled(y, np.arange(140, 180))).judge(Check(metric="f1", min=0.5), first=True)
    assert "150 rows of the rarer class, at least 200 are needed" in result.checks[0].message


def rare(n, recall=0.8, seed=0):
    """1 % positives, of which the champion finds most; the candidate never says positive."""
    rng = np.random.default_rng(seed)
    y = rng.permutation((np.arange(n) < n // 100).astype(int))
    champion = y.copy()
    champion[y == 1] = rng.random(n // 100) < recall
    champion[rng.choice(np.flatnonzero(y == 0), n // 1_000, replace=False)] = 1
    almost = np.zeros(n, int)
    almost[np.flatnonzero(y == 0)[0]] = 1  # says it once, wrongly: not constant
    return y, {"prediction": almost}, {"prediction": champion}


@pytest.mark.parametrize("n", [2_000, 10_000, 50_000])
def test_a_candidate_that_never_says_positive_at_1_percent_never_passes(tmp_path, n):
    there = World(tmp_path, *(lambda y, new, old: ({"y": y}, new, old))(*rare(n)))
    wide = Check(metric="accuracy", versus="champion", margin=0.01)
    with pytest.raises(
        ConfigurationError, match="as wide as the minority's share .0.01.: a model that never says 1 would"
    ):
        there.judge(wide)
    narrow = there.judge(Check(metric="accuracy", versus="champion", margin=0.0095))
    assert narrow.verdict != Verdict.PASS
    accompanied = there.judge(wide, Check(metric="recall", versus="champion", margin=0.05))
    assert accompanied.verdict != Verdict.PASS


def test_a_margin_as_wide_as_the_champions_lead_over_a_constant_decides_nothing(tmp_path):
    there = World(tmp_path, *(lambda y, new, old: ({"y": y}, new, old))(*rare(50_000)))
    result = there.judge(Check(metric="accuracy", versus="champion", margin=0.0095))
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "margin_accepts_constant")


def test_probabilities_that_hardly_differ_do_not_pass_a_wide_brier_margin(tmp_path):
    rng = np.random.default_rng(1)
    y = (rng.random(20_000) < 0.01).astype(int)
    old, new = np.where(y == 1, 0.5, 0.01), 0.01 + rng.uniform(0, 1e-6, 20_000)
    there = World(tmp_path, {"y": y}, scored(new), scored(old))
    check = Check(metric="brier", versus="champion", margin=0.01)
    assert there.judge(check).reason == "margin_accepts_constant"
    assert there.judge(check, Check(metric="roc_auc", min=0.6)).verdict == Verdict.FAIL


def test_a_champion_that_gives_other_columns_than_the_metric_needs_is_an_error_that_names_them(tmp_path):
    y = balanced()
    there = world(tmp_path, y, scored(np.where(y == 1, 0.8, 0.2)), {"prediction": y, "probability_late": y * 1.0})
    with pytest.raises(
        ToolError, match=r"the champion m old gives no probability.*its columns: prediction, probability_late"
    ):
        there.judge(Check(metric="brier", versus="champion", margin=0.01))


def test_a_champion_whose_answers_depend_on_the_order_of_rows_is_refused_where_rows_have_a_key(tmp_path):
    y = balanced()
    ids = np.arange(N)

    class Sorting:
        """The candidate answers each row; the champion sorts its answers."""

        def predict(self, who, model, request):
            own = request.table.column("y").to_numpy()
            return pa.table({"prediction": np.sort(own) if who == "champion" else own})

    there = World(tmp_path, {"y": y, "id": ids}, {"prediction": y}, {"prediction": y}, asker=Sorting())
    with pytest.raises(ToolError, match="the champion m old gives other answers .* in another order"):
        there.judge(Check(metric="accuracy", versus="champion", margin=0.01), key=("id",))


def test_where_the_contract_is_broken_and_the_model_cannot_answer_the_contract_is_what_is_told(tmp_path):
    class Refusing:
        def predict(self, who, model, request):
            raise ToolError(
                f"the {who} {model.name} {model.version} cannot predict the evaluation rows", where="quality"
            )

    def asked(limit):
        plugin = plugins.load("checks", "contract")
        contract = plugin.Settings(use="contract", columns={"y": {"type": "integer", "max": limit}})
        there = World(tmp_path, {"y": balanced()}, {"prediction": balanced()}, asker=Refusing())
        return there.judge(contract, ACCURACY, first=True)

    broken = asked(0)
    assert (broken.verdict, broken.reason) == (Verdict.FAIL, "contract_broken")
    assert [str(c.outcome) for c in broken.checks] == ["PASS", "FAIL", "NOT ASSESSED"]
    assert "the candidate m new cannot predict the evaluation rows" in broken.checks[-1].message
    with pytest.raises(ToolError, match="cannot predict"):
        asked(1)
