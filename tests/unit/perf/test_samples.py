import json

import pyarrow as pa
import pytest
from perf_runs import HEAD, write_sample
from pyarrow import parquet

from legion_ci.core.errors import ConfigurationError, OrderError
from legion_ci.perf.requests import protocol
from legion_ci.perf.samples import MOST_ROWS, requests

LEGION = protocol("legion", "wine")

ROWS = [[1.5, "x"], [None, "z"]]


def decoded(found):
    return [json.loads(request.body) for request in found]


def test_each_sample_row_becomes_one_request(tmp_path):
    assert decoded(requests(write_sample(tmp_path), None, LEGION)) == [
        {"columns": ["a", "b"], "data": [row]} for row in HEAD["data"]
    ]


def _parquet(path):
    parquet.write_table(pa.table({"b": ["x", "z"], "a": [1.5, float("nan")], "other": [1, 2]}), path)


def _csv(path):
    path.write_text("b,other,a\nx,1,1.5\nz,2,\n")


def _lines(path):
    path.write_text('{"a": 1.5, "b": "x", "other": 1}\n\n{"columns": ["a", "b"], "data": [[null, "z"]]}\n')


@pytest.mark.parametrize(("name", "write"), [("d.parquet", _parquet), ("d.csv", _csv), ("d.jsonl", _lines)])
def test_a_data_file_is_sent_in_the_models_columns_and_order(tmp_path, name, write):
    write(tmp_path / name)
    assert decoded(requests(write_sample(tmp_path), tmp_path / name, LEGION)) == [
        {"columns": ["a", "b"], "data": [row]} for row in ROWS
    ]


def test_a_large_file_is_read_only_so_far(tmp_path):
    (tmp_path / "d.csv").write_text("a,b\n" + "1,x\n" * (MOST_ROWS + 5))
    assert len(requests(write_sample(tmp_path), tmp_path / "d.csv", LEGION)) == MOST_ROWS


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("d.csv", "a\n1\n", "lacks the model's columns b"),
        ("d.csv", "a,b\nlarge,x\n", "d.csv:2: a: 'large' is not a number"),
        ("d.jsonl", '{"a": 1}\n', "lacks the model's columns b"),
        ("d.jsonl", "{\n", "d.jsonl:1: is not JSON"),
        ("d.csv", "a,b\n", "holds no row"),
        ("d.xlsx", "", "cannot be replayed"),
        ("d.parquet", "no", "is not a Parquet file"),
    ],
)
def test_a_data_file_that_does_not_fit_is_told_with_its_place(tmp_path, name, content, told):
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigurationError, match=told):
        requests(write_sample(tmp_path), tmp_path / name, LEGION)


def test_missing_sample_rows_mean_that_train_must_run_first(tmp_path):
    with pytest.raises(OrderError, match="run train first"):
        requests(tmp_path / "head_input.json", None, LEGION)
