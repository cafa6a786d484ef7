"""How the flight-delay example makes its rows: the future is not used, gaps are told, bytes are the same."""

from __future__ import annotations

import pandas as pd
import pyarrow.parquet as pq
import pytest
from example_modules import load

prepare = load("flight-delay/prepare_data.py")

READING = dict.fromkeys(prepare.WEATHER, 10.0)


@pytest.fixture
def source(tmp_path):
    """Three flights and a few observations, in the form of the package's files (hours in UTC)."""
    flights = pd.DataFrame(
        [
            # month, day, sched_dep_time, arr_delay, carrier, flight, tailnum, origin, dest, distance, time_hour
            (1, 1, 530, 16.0, "UA", 1, "N1", "JFK", "IAH", 1400, "2013-01-01T10:00:00Z"),
            (1, 1, 559, 15.0, "AA", 2, "N2", "LGA", "MIA", 1000, "2013-01-01T10:00:00Z"),
            (1, 1, 600, None, "AA", 3, "N2", "LGA", "MIA", 1000, "2013-01-01T11:00:00Z"),
            (1, 3, 700, -5.0, "DL", 4, "N1", "JFK", "ATL", 760, "2013-01-03T12:00:00Z"),
        ],
        columns=["month", "day", "sched_dep_time", "arr_delay", "carrier", "flight", "tailnum", "origin", "dest",
                 "distance", "time_hour"],
    ).assign(year=2013)  # fmt: skip
    flights.to_csv(tmp_path / "flights.csv.zip", index=False)
    weather = pd.DataFrame(
        [
            {**READING, "origin": "JFK", "time_hour": "2013-01-01T08:00:00Z", "temp": 8.0},
            {**READING, "origin": "JFK", "time_hour": "2013-01-01T09:00:00Z", "temp": 9.0, "wind_gust": None},
            {**READING, "origin": "JFK", "time_hour": "2013-01-01T10:00:00Z", "temp": 99.0},
            {**READING, "origin": "LGA", "time_hour": "2013-01-01T07:00:00Z", "temp": 7.0},
            {**READING, "origin": "LGA", "time_hour": "2013-01-01T10:00:00Z", "temp": 99.0},
        ]
    )
    weather.to_csv(tmp_path / "weather.csv", index=False)
    pd.DataFrame({"tailnum": ["N1"], "year": [2003], "seats": [180]}).to_csv(tmp_path / "planes.csv", index=False)
    return tmp_path


@pytest.fixture
def rows(source):
    read = prepare.read_flights(source), prepare.read_weather(source), prepare.read_planes(source)
    return prepare.join(*read).set_index("flight")


def test_the_weather_is_that_of_the_hour_before_the_scheduled_departure_hour(rows):
    assert rows.loc[1, "temp"] == 9.0


def test_a_gap_is_bridged_by_an_older_observation_never_by_a_newer_one(rows):
    assert rows.loc[2, "temp"] == 7.0


def test_a_flight_without_an_observation_of_the_day_before_is_left_out(rows):
    assert 4 not in rows.index


def test_a_flight_that_never_arrived_has_no_outcome_and_is_left_out(rows):
    assert 3 not in rows.index


def test_late_is_more_than_fifteen_minutes(rows):
    assert rows["late"].to_dict() == {1: 1, 2: 0}


def test_no_gust_means_the_winds_own_speed(rows):
    assert rows.loc[1, "wind_gust"] == READING["wind_speed"]


def test_an_unknown_plane_is_told_as_unknown(rows):
    assert rows.loc[1, ["plane_age", "plane_seats"]].tolist() == [10, 180]
    assert rows.loc[2, ["plane_age", "plane_seats"]].tolist() == [prepare.UNKNOWN, prepare.UNKNOWN]


def test_the_schedule_is_local_time(rows):
    assert rows.loc[2, "minute_of_day"] == 5 * 60 + 59
    assert rows.loc[2, "weekday"] == 1  # 1 January 2013 was a Tuesday
    assert str(rows.loc[2, "time"]) == "2013-01-01 10:59:00+00:00"


def test_nothing_that_is_known_only_after_departure_is_a_column(rows):
    columns = set(prepare.training_table(rows.reset_index()).column_names)
    assert columns == {*prepare.NUMBERS, *prepare.CATEGORIES, "late"}
    assert not columns & {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "month", "tailnum"}


def test_the_same_rows_are_the_same_bytes_and_are_not_written_again(rows, tmp_path, capsys):
    table = prepare.training_table(rows.reset_index())
    first, second = tmp_path / "a.parquet", tmp_path / "b.parquet"
    prepare.write(table, first)
    prepare.write(table, second)
    assert first.read_bytes() == second.read_bytes()
    inode = first.stat().st_ino
    prepare.write(table, first)
    assert first.stat().st_ino == inode
    digests = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert len(digests) == 1


def test_the_live_rows_are_the_training_rows_with_an_identity(rows, tmp_path):
    table = prepare.live_table(rows.reset_index())
    prepare.write(table, tmp_path / "live.parquet")
    live = pq.read_table(tmp_path / "live.parquet")
    assert live.column_names[:3] == ["request_id", "tailnum", "time"]
    assert live.drop_columns(["request_id", "tailnum", "time"]).equals(prepare.training_table(rows.reset_index()))
    assert live.column("request_id").to_pylist() == ["flight-00000", "flight-00001"]


def test_a_missing_package_is_named_with_its_install_line(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="requirements-data"):
        prepare.source_folder()
