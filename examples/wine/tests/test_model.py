"""Acceptance tests of a deployment: run by ``legion-ci deploy`` against the new model before it gets any traffic."""

from __future__ import annotations

import json
import os
import urllib.request

import pytest
from sklearn.datasets import load_wine

CULTIVARS = ("class_0", "class_1", "class_2")


def invoke(rows: list[list[float]], columns: list[str]) -> list[dict[str, object]]:
    body = json.dumps({"columns": columns, "data": rows}).encode()
    url = os.environ["MODEL_URL"].rstrip("/") + "/api/model/invoke"
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get("MODEL_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        answer = json.load(response)
    return [dict(zip(answer["columns"], row, strict=True)) for row in answer["prediction"]]


@pytest.fixture(scope="module")
def wines():
    return load_wine(as_frame=True)


def test_a_wine_gets_one_of_the_three_cultivars_and_their_probabilities(wines):
    answer = invoke(wines.data.head(1).to_numpy().tolist(), list(wines.data))[0]
    assert answer["prediction"] in CULTIVARS
    assert sum(answer[f"probability_{c}"] for c in CULTIVARS) == pytest.approx(1)


def test_most_wines_of_a_request_are_recognised(wines):
    answers = invoke(wines.data.to_numpy().tolist(), list(wines.data))
    truth = wines.target_names[wines.target]
    right = sum(a["prediction"] == t for a, t in zip(answers, truth, strict=True))
    assert right / len(truth) > 0.8


def test_the_order_of_the_columns_does_not_matter(wines):
    backwards = list(reversed(list(wines.data)))
    rows = wines.data.head(3)
    there = invoke(rows.to_numpy().tolist(), list(wines.data))
    back = invoke(rows[backwards].to_numpy().tolist(), backwards)
    assert [a["prediction"] for a in there] == [a["prediction"] for a in back]
