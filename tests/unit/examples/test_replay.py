"""The replay of the flight-delay example, against a gateway that keeps what it was told."""

from __future__ import annotations

import time

import pytest
from example_modules import load
from fake_gateway import running

replay = load("flight-delay/replay.py")

ROWS = [
    {"request_id": f"flight-{n:05d}", "tailnum": f"N{n % 3}{'AB'[n % 2]}", "time": "2013-07-01T09:00Z",
     "carrier": "B6", "distance": 187.0 + n, "late": n % 2}
    for n in range(30)
]  # fmt: skip


def play(gateway, rate=10_000.0, threads=3, laps=1, seconds=None):
    pace = replay.Pace(replay.flights(ROWS, "run", laps), rate, seconds)
    return replay.run(gateway.url, pace, threads)


@pytest.fixture
def gateway():
    with running() as one:
        yield one


def test_every_flight_is_asked_once_with_its_aircraft_as_the_unit(gateway):
    totals = play(gateway)
    asked = gateway.at("/api/model/invoke")
    assert {a.headers["request-id"]: a.headers["x-legion-unit"] for a in asked} == {
        f"run-0-{r['request_id']}": r["tailnum"] for r in ROWS
    }
    assert len(asked) == totals["requests"] == totals["answered"] == len(ROWS)


def test_the_model_is_told_neither_outcome_nor_identity(gateway):
    play(gateway)
    asked = gateway.at("/api/model/invoke")[0]
    assert asked.body["columns"] == ["carrier", "distance"]
    assert asked.body["data"][0][0] == "B6"


def test_every_outcome_follows_its_own_answer_with_the_version_that_gave_it(gateway):
    totals = play(gateway)
    by_id = {f"run-0-{r['request_id']}": r for r in ROWS}
    told = gateway.at("/api/v1/feedback")
    assert len(told) == totals["outcomes"] == len(ROWS)
    for one in told:
        row = by_id[one.headers["request-id"]]
        assert one.body == {"late": row["late"]}
        assert one.headers["model-name"] == "flight-delay"
        assert one.headers["model-version"] == ("2" if row["tailnum"].endswith("B") else "1")


def test_totals_say_how_many_each_version_answered(gateway):
    totals = play(gateway)
    expected = {v: sum(r["tailnum"].endswith(end) for r in ROWS) for v, end in (("1", "A"), ("2", "B"))}
    assert totals["by_model_version"] == expected


def test_connections_are_kept_alive(gateway):
    play(gateway, threads=3)
    assert len(gateway.connections) <= 3


def test_refused_requests_are_counted_and_get_no_outcome(gateway):
    gateway.status_of = lambda a: 503 if a.headers["request-id"].endswith("7") else 200
    totals = play(gateway)
    refused = sum(r["request_id"].endswith("7") for r in ROWS)
    assert totals["failures"] == {"invoke 503": refused}
    assert totals["outcomes"] == totals["answered"] == len(ROWS) - refused
    assert not [a for a in gateway.at("/api/v1/feedback") if a.headers["request-id"].endswith("7")]


def test_refused_outcomes_are_counted_apart(gateway):
    gateway.status_of = lambda a: 502 if a.path == "/api/v1/feedback" else 200
    totals = play(gateway)
    assert totals["failures"] == {"feedback 502": len(ROWS)}
    assert totals["answered"] == len(ROWS)
    assert totals["outcomes"] == 0


def test_a_connection_that_breaks_is_opened_again(gateway):
    gateway.status_of = lambda a: 0 if a.headers["request-id"].endswith("-00003") else 200
    totals = play(gateway, threads=1)
    assert totals["failed"] == 1
    assert totals["answered"] == len(ROWS) - 1


def test_a_gateway_that_is_not_there_is_failures_not_an_exception(gateway):
    pace = replay.Pace(replay.flights(ROWS, "run", 1), 10_000.0)
    totals = replay.run("http://127.0.0.1:1", pace, 2)
    assert totals["answered"] == 0
    assert totals["failures"] == {"invoke ConnectionRefusedError": len(ROWS)}


def test_a_second_lap_has_ids_of_its_own_and_the_same_aircraft(gateway):
    play(gateway, laps=2)
    ids = [a.headers["request-id"] for a in gateway.at("/api/model/invoke")]
    assert len(set(ids)) == len(ids) == 2 * len(ROWS)
    assert {a.headers["x-legion-unit"] for a in gateway.asked if "x-legion-unit" in a.headers} == {
        r["tailnum"] for r in ROWS
    }


def test_the_rate_is_not_exceeded():
    pace = replay.Pace(replay.flights(ROWS, "run", 1), 200.0)
    began = time.monotonic()
    taken = [pace.next() for _ in ROWS]
    assert all(taken)
    assert time.monotonic() - began >= len(ROWS) / 200.0 - 0.01


def test_lost_time_is_not_caught_up_in_a_burst():
    pace = replay.Pace(replay.flights(ROWS, "run", None), 100.0)
    pace.next()
    pace._due -= 5.0  # as if every client had been held up for five seconds
    began = time.monotonic()
    for _ in range(20):
        pace.next()
    assert time.monotonic() - began >= (20 - 11) / 100.0  # at most a tenth of a second is made good


def test_the_replay_ends_when_it_is_stopped_or_its_time_is_up():
    pace = replay.Pace(replay.flights(ROWS, "run", None), 1000.0, seconds=0.05)
    assert 0 < sum(1 for _ in iter(pace.next, None)) <= 51
    stopped = replay.Pace(replay.flights(ROWS, "run", None), 1000.0)
    stopped.stopped.set()
    assert stopped.next() is None
