import numpy as np
import pyarrow as pa
import pytest

from legion_ci.core.errors import ToolError
from legion_ci.quality import labels, slices
from legion_ci.quality.evidence import Answers, InvalidAnswer


def column(values, kind=None):
    return pa.chunked_array([pa.array(values, type=kind)])


@pytest.mark.parametrize("predicted", [[0, 1, 1], [False, True, True], [0.0, 1.0, 1.0], ["False", "True", "True"]])
def test_true_and_1_and_1_point_0_are_the_same_class(predicted):
    classes = labels.classes_of(column([True, False]))
    assert classes.names == ("False", "True")
    assert labels.codes_of(column(predicted), classes).tolist() == [0, 1, 1]


def test_labels_that_the_truth_does_not_have_are_none_of_its_classes():
    classes = labels.classes_of(column(["a", "b"]))
    assert labels.codes_of(column(["b", "c", None]), classes).tolist() == [1, -1, -1]


def test_leading_zeros_keep_text_labels_apart():
    assert labels.classes_of(column(["01", "1"])).keys == ("01", "1")


def test_codes_of_several_chunks_are_in_the_order_of_rows():
    chunks = pa.chunked_array([["b", "a"], ["a"], ["c", "b"]])
    assert labels.codes_of(chunks, labels.classes_of(chunks)).tolist() == [1, 0, 0, 2, 1]


def test_probabilities_are_found_by_class_in_the_order_of_the_truth():
    table = pa.table({"prediction": [True], "probability_True": [0.8], "probability_False": [0.2]})
    classes = labels.classes_of(column([0, 1]))
    assert Answers("m", table).probabilities(classes, 1).tolist() == [[0.2, 0.8]]


def test_a_prediction_that_is_a_probability_stands_for_both_classes():
    answers = Answers("m", pa.table({"prediction": [0.8, 0.1]}))
    classes = labels.classes_of(column([0, 1]))
    assert answers.probabilities(classes, 1) == pytest.approx(np.array([[0.2, 0.8], [0.9, 0.1]]))


def test_a_model_without_probabilities_is_told_by_its_columns():
    classes = labels.classes_of(column(["a", "b"]))
    with pytest.raises(ToolError, match="gives no probability of the class b .its columns: prediction."):
        Answers("the candidate m 1", pa.table({"prediction": ["a"]})).score(classes, 1)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None])
def test_numbers_that_are_missing_nan_or_infinite_are_counted(bad):
    with pytest.raises(InvalidAnswer, match="1 of 2 predictions are missing, NaN or infinite"):
        Answers("m", pa.table({"prediction": pa.array([1.0, bad])})).values()


def test_probabilities_outside_0_and_1_are_counted():
    table = pa.table({"prediction": [0, 1], "probability_0": [0.5, -0.2], "probability_1": [0.5, 1.2]})
    with pytest.raises(InvalidAnswer, match="1 of 2 values of probability_0 are outside"):
        Answers("m", table).probabilities(labels.classes_of(column([0, 1])), 1)


def table():
    return pa.table({"a": ["x", "y", None, "x"], "k": [1, 2, 1, 1]})


def test_slices_of_a_column_are_its_values_with_missing_ones_apart():
    found = slices.find({"a": ()}, table())
    assert [(s.name, s.rows.tolist(), s.declared) for s in found] == [
        ("a=(missing)", [2], False), ("a=x", [0, 3], False), ("a=y", [1], False),
    ]  # fmt: skip


def test_declared_slices_come_in_their_order_and_absent_ones_without_rows():
    found = slices.find({"k": (2, 7, "1")}, table())
    assert [(s.name, s.rows.tolist(), s.declared) for s in found] == [
        ("k=2", [1], True),
        ("k=7", [], True),
        ("k=1", [0, 2, 3], True),
    ]


def test_slice_columns_that_are_not_there_or_have_too_many_values_are_problems():
    many = pa.table({"id": range(2_000), "carrier": ["x"] * 2_000})
    said = [str(p) for p in slices.problems({"carier": (), "id": ()}, many, "quality.checks[0]")]
    assert said[0] == "quality.checks[0].slices: there is no column 'carier'; did you mean carrier?"
    assert "2,000 different values, more than 1,000 slices" in said[1]
