import numpy as np
import pyarrow as pa
import pytest
from quality_kinds import RuleModel, evidence, judge, problems

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.quality import order

N = 2000
X = np.random.default_rng(1).normal(size=N)
TABLE = pa.table({"x": X, "c": ["a"] * N, "i": np.arange(N), "y": (X > 0).astype(int)})


def threshold(table):
    x = np.nan_to_num(table.column("x").to_numpy(), nan=-1)
    return pa.table({"prediction": (x > 0).astype(np.int64), "score": x})


def candidate(tmp_path, rule=threshold):
    return RuleModel(tmp_path, rule, tmp_path).trained_on(TABLE.drop_columns(["y"]))


def test_losses_under_disturbance_are_paired_with_the_undisturbed_answers(tmp_path):
    found = judge(
        "robustness", evidence(TABLE, candidate(tmp_path)), metric="accuracy", max_loss=0.02, columns=["x", "i"],
        disturb=["noise", "missing", "permuted", "out_of_range"], share=0.3,
    )  # fmt: skip
    told = {f.result.name.removeprefix("robustness: accuracy, "): f.result for f in found}
    assert set(told) == {"noise 0.1", "30% missing", "x permuted", "i permuted", "30% out of range"}
    assert told["x permuted"].outcome == "FAIL"
    assert told["x permuted"].effect == pytest.approx(-0.15, abs=0.03)
    assert told["i permuted"].outcome == "PASS"
    assert told["30% missing"].method.startswith("Tango")


def test_rows_are_disturbed_the_same_way_each_time_and_nothing_else_is_touched(tmp_path):
    seen = []
    model = candidate(tmp_path, lambda t: (seen.append(t), threshold(t))[1])
    rows = evidence(TABLE, model)
    for _ in range(2):
        judge("robustness", rows, metric="accuracy", max_loss=0.1, columns=["x"], disturb=["missing"])
    assert seen[-1].equals(seen[-2])
    assert seen[-1].column("i").equals(TABLE.column("i"))
    assert seen[-1].column("x").null_count == pytest.approx(0.1 * N, abs=50)


def test_every_pinned_row_that_is_answered_otherwise_is_listed(tmp_path):
    rows = [
        {"input": {"x": 1.0}, "expect": 1},
        {"input": {"x": -1.0}, "expect": 1},
        {"input": {"x": 0.5}, "expect": {"score": 0.52}, "tolerance": 0.05},
        {"input": {"x": 0.5}, "expect": {"score": 0.9}},
    ]
    [found] = judge("prediction-test", evidence(TABLE, candidate(tmp_path)), rows=rows)
    assert found.result.outcome == "FAIL"
    assert "2 of 4 rows are answered otherwise: row 1: prediction 0, expected 1" in found.result.message
    assert [d["row"] for d in found.result.details] == [1, 3]


def test_pinned_rows_may_be_a_file(tmp_path):
    (tmp_path / "pinned.csv").write_text("x,late\n1.5,1\n-1.5,0\n")
    seen = evidence(TABLE, candidate(tmp_path))
    [found] = judge("prediction-test", seen, path="pinned.csv", expected="late")
    assert found.result.outcome == "PASS"
    assert "did you mean late" in problems("prediction-test", seen, path="pinned.csv", expected="lat")
    assert "did you mean pinned.csv" in problems("prediction-test", seen, path="pined.csv", expected="late")


def test_pinned_rows_with_unknown_features_are_a_configuration_error(tmp_path):
    with pytest.raises(ConfigurationError, match="there is no column 'z'"):
        judge("prediction-test", evidence(TABLE, candidate(tmp_path)), rows=[{"input": {"z": 1}, "expect": 1}])


RULES = """
import os
def yes(rows, predictions): return True
def mean(rows, predictions): return predictions.column("prediction")
def several(rows, predictions): return {"a": True, "b": {"outcome": "INCONCLUSIVE", "value": 0.5, "message": "unsure"}}
def pid(rows, predictions): return float(os.getpid())
def broken(rows, predictions): raise RuntimeError("the ledger is shut")
def nothing(rows, predictions): return None
def right(rows, predictions):
    return [float(a == b) for a, b in zip(rows.column("y").to_pylist(), predictions.column("prediction").to_pylist())]
"""


def custom(tmp_path, function, **settings):
    (tmp_path / "rules.py").write_text(RULES)
    return judge("custom", evidence(TABLE, candidate(tmp_path)), function=f"rules:{function}", **settings)


def test_a_custom_function_may_return_a_truth_a_number_a_row_or_several(tmp_path):
    import os

    assert custom(tmp_path, "yes")[0].result.outcome == "PASS"
    [mean] = custom(tmp_path, "mean", min=0.4)
    assert (mean.result.outcome, mean.result.n) == ("PASS", N)
    assert mean.result.lower < mean.result.effect < mean.result.upper
    assert {f.result.name: f.result.outcome for f in custom(tmp_path, "several")} == {
        "custom: a": "PASS",
        "custom: b": "INCONCLUSIVE",
    }
    assert custom(tmp_path, "pid", min=0)[0].result.effect != os.getpid()


@pytest.mark.parametrize(
    ("function", "error", "said"),
    [("broken", ToolError, "RuntimeError: the ledger is shut"), ("nothing", ToolError, "what is no answer"),
     ("gone", ConfigurationError, "rules has no function 'gone'")],
)  # fmt: skip
def test_errors_of_a_custom_function_keep_their_message(tmp_path, function, error, said):
    with pytest.raises(error, match=said):
        custom(tmp_path, function)


def test_a_metric_may_be_a_function_of_the_repository(tmp_path):
    (tmp_path / "rules.py").write_text(RULES)
    [found] = judge("metric", evidence(TABLE, candidate(tmp_path)), metric="rules:right", min=0.9)
    assert (found.result.outcome, found.result.effect) == ("PASS", 1.0)
    with pytest.raises(ToolError, match="not one finite number for each"):
        judge("metric", evidence(TABLE, candidate(tmp_path)), metric="rules:yes", min=0.9)


def test_answers_that_depend_on_the_order_of_rows_are_refused(tmp_path):
    def sorting(table):
        return pa.table({"prediction": np.sort(table.column("x").to_numpy())})

    for rule, refused in ((threshold, False), (sorting, True)):
        seen = evidence(TABLE, candidate(tmp_path, rule), key=("i",))
        if not refused:
            order.look(seen.rows, seen.answers, seen.model)
            continue
        with pytest.raises(ToolError, match="when they come in another order"):
            order.look(seen.rows, seen.answers, seen.model)


def test_keys_that_repeat_are_counted_with_the_first_rows(tmp_path):
    rows = evidence(TABLE, candidate(tmp_path)).rows
    [problem] = order.problems(("c",), rows)
    assert problem.what.startswith("1,999 rows repeat the key of another (c; the first: rows 0, 1")
    assert order.problems(("i",), rows) == []
