import numpy as np
import pyarrow as pa
import pytest

from legion_ci.quality import slices
from legion_ci.quality.metric_settings import MetricSettings

TABLE = pa.table({"distance": [100.0, 600.0, None, 1500.0, 500.0], "carrier": ["a", "b", "a", "c", None]})


def wanted(**told):
    return MetricSettings(metric="accuracy", versus="champion", slices=told).slices


def test_numeric_bins_are_slices_with_closed_upper_edges_and_missing_values_are_in_none():
    found = slices.find(wanted(distance={"bins": [500, 1000]}), TABLE)
    assert {s.name: s.rows.tolist() for s in found} == {
        "distance=≤ 500": [0, 4], "distance=500 – 1000": [1], "distance=> 1000": [3],
    }  # fmt: skip
    assert all(s.declared for s in found)


def test_a_number_of_bins_is_cut_at_quantiles():
    table = pa.table({"x": np.arange(1000.0)})
    assert [len(s.rows) for s in slices.find(wanted(x={"bins": 4}), table)] == [250, 250, 250, 250]


def test_a_condition_in_sql_is_a_slice_under_its_own_name():
    told = {"long or b": {"where": "distance > 1000 OR carrier = 'b'"}}
    [found] = slices.find(wanted(**told), TABLE)
    assert (found.name, found.rows.tolist()) == ("long or b", [1, 3])
    assert slices.problems(wanted(**told), TABLE, "here") == []


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("distnce > 3", "distnce"),
        ("distance + 1", "not true or false for each row"),
        ("bool_and(distance > 1)", "not true or false for each row"),
        ("true) FROM rows; DROP TABLE rows; SELECT (true", "more than one statement"),
        ("(SELECT count(*) FROM read_csv('/etc/passwd')) > 0", "is no condition"),
    ],
)
def test_a_condition_that_is_none_is_a_problem_with_its_place(condition, said):
    [problem] = slices.problems(wanted(part={"where": condition}), TABLE, "here")
    assert problem.where == "here.slices"
    assert said in problem.what


def test_bins_of_text_and_of_absent_columns_are_problems():
    assert "bins are of numbers" in slices.problems(wanted(carrier={"bins": 2}), TABLE, "h")[0].what
    assert "did you mean distance" in slices.problems(wanted(distanc={"bins": 2}), TABLE, "h")[0].todo


def test_bins_and_where_are_one_or_the_other():
    with pytest.raises(ValueError, match="exactly one of bins and where"):
        wanted(distance={"bins": 2, "where": "true"})
