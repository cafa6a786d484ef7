"""Acceptance tests of a deployment: run by ``legion-ci deploy`` against the new model before it gets any traffic."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import Any

import pytest

FLIGHT = {
    "carrier": "B6", "origin": "JFK", "dest": "BOS", "weekday": 4, "minute_of_day": 1170, "distance": 187,
    "plane_age": 6, "plane_seats": 100, "temp": 71.06, "humid": 60.0, "wind_dir": 190, "wind_speed": 9.2,
    "wind_gust": 9.2, "precip": 0.0, "pressure": 1013.4, "visib": 10,
}  # fmt: skip


def invoke(*flights: dict[str, Any]) -> list[dict[str, float]]:
    """The deployment's answer: one mapping of columns to values a flight."""
    body = json.dumps({"columns": list(FLIGHT), "data": [[f.get(c) for c in FLIGHT] for f in flights]}).encode()
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get("MODEL_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(os.environ["MODEL_URL"].rstrip("/") + "/api/model/invoke", body, headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        answer = json.load(response)
    return [dict(zip(answer["columns"], row, strict=True)) for row in answer["prediction"]]


def test_a_flight_gets_a_probability_of_being_late():
    answer = invoke(FLIGHT)[0]
    assert 0 < answer["probability_1"] < 1
    assert abs(answer["probability_0"] + answer["probability_1"] - 1) < 1e-6
    assert answer["prediction"] == (answer["probability_1"] > 0.5)


def test_every_flight_of_a_request_is_answered_in_order():
    evening, morning = FLIGHT, FLIGHT | {"minute_of_day": 360}
    together = invoke(evening, morning, evening)
    assert together[0] == together[2]
    assert together[1] == invoke(morning)[0]


def test_an_evening_in_a_storm_is_later_than_a_clear_morning():
    storm = FLIGHT | {"precip": 0.5, "visib": 1, "wind_speed": 25, "wind_gust": 35, "humid": 95}
    morning = FLIGHT | {"minute_of_day": 360}
    late, early = (a["probability_1"] for a in invoke(storm, morning))
    assert late > early


def test_an_airline_that_is_new_gets_an_answer():
    assert 0 < invoke(FLIGHT | {"carrier": "ZZ"})[0]["probability_1"] < 1


def test_a_broken_request_is_refused_with_a_message():
    request = urllib.request.Request(os.environ["MODEL_URL"].rstrip("/") + "/api/model/invoke", b"{}")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code >= 400
    assert json.load(refused.value)["message"]
