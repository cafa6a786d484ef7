"""Acceptance tests: ``legion-ci deploy`` runs them against the new deployment before it gets any traffic."""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path

import pandas
import pytest

TARGET = "$target"


def ask(rows: pandas.DataFrame) -> pandas.DataFrame:
    """The model's answer to some rows, one row each: the prediction and a probability for each class."""
    body = json.dumps({"columns": list(rows), "data": rows.to_numpy().tolist()}).encode()
    url = os.environ["MODEL_URL"].rstrip("/") + "/api/model/invoke"
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get("MODEL_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        answer = json.load(response)
    return pandas.DataFrame(answer["prediction"], columns=answer["columns"])


@pytest.fixture(scope="module")
def rows() -> pandas.DataFrame:
    return pandas.read_parquet(Path(__file__).parents[1] / "data" / "eval.$use")


def test_every_row_gets_a_known_class_and_probabilities_that_add_up(rows):
    answer = ask(rows.drop(columns=TARGET))
    probabilities = answer.filter(like="probability_")
    assert set(answer["prediction"]) <= set(rows[TARGET])
    assert probabilities.sum(axis=1).to_numpy() == pytest.approx(1)


def test_most_rows_are_recognised(rows):
    answer = ask(rows.drop(columns=TARGET))
    assert (answer["prediction"].to_numpy() == rows[TARGET].to_numpy()).mean() > 0.8


def test_the_order_of_the_columns_does_not_matter(rows):
    few = rows.drop(columns=TARGET).head(3)
    backwards = few[list(reversed(list(few)))]
    assert list(ask(few)["prediction"]) == list(ask(backwards)["prediction"])
