"""Acceptance tests: run against the new deployment, before it gets any traffic. MODEL_URL says where it is."""

import json
import os
import urllib.request
from pathlib import Path

import pyarrow.parquet as pq

ROWS = pq.read_table(Path(__file__).parents[1] / "data" / "eval.parquet").slice(0, 5).drop_columns(["$target"])


def invoke(columns, rows):
    body = json.dumps({"columns": columns, "data": rows}).encode()
    request = urllib.request.Request(os.environ["MODEL_URL"] + "/api/model/invoke", body)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_it_answers_every_row_with_a_class():
    answer = invoke(ROWS.column_names, [list(row.values()) for row in ROWS.to_pylist()])
    assert len(answer["prediction"]) == ROWS.num_rows
    position = answer["columns"].index("prediction")
    assert {row[position] for row in answer["prediction"]} <= {0, 1}
