import datetime as dt
import json
import sqlite3

import pytest
from postgresql_cluster import PASSWORD, cluster

from legion_ci.core.errors import ConfigurationError, PluginError, ServiceError
from legion_ci.data.sinks.protocol import open_sink
from legion_ci.data.sinks.sql import SqlSinkSettings
from legion_ci.data.source import load, open_source
from legion_ci.data.sql import SqlSettings
from legion_ci.testing.sinks import FIRST, SECOND, RowsEnd, tables

SQL = "SELECT n, word FROM seen WHERE n > :least ORDER BY n"


@pytest.fixture(scope="module")
def postgres():
    with cluster() as running:
        running.run(
            "CREATE TABLE seen (n integer, x double precision, share numeric(9, 3), word text, at timestamptz, day date, y boolean, "
            "id uuid)",
            "INSERT INTO seen SELECT i, i / 4.0, i / 3.0, 'w' || i % 7, timestamptz '2026-01-01 00:00Z' + i * interval '1 hour', "
            "date '2026-01-01' + i % 30, i % 3 = 0, gen_random_uuid() FROM generate_series(1, 60000) i",
        )
        yield running


@pytest.fixture
def lite(tmp_path):
    db = sqlite3.connect(tmp_path / "rows.db")
    with db:
        db.execute("CREATE TABLE seen (n, word)")
        db.executemany("INSERT INTO seen VALUES (?, ?)", [(1, "a"), (2, "b'; DROP TABLE seen; --"), (3, None)])
    yield db
    db.close()


def sqlite_settings(**more):
    return SqlSettings(**{"url": "sqlite:///rows.db", "query": SQL, "parameters": {"least": 1}, **more})


def told(postgres, monkeypatch, **more):
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    return SqlSettings(url=postgres.url, password="env:DB_PASSWORD", **more)


def test_types_of_postgresql_come_as_what_a_request_can_carry(postgres, monkeypatch, tmp_path):
    settings = told(postgres, monkeypatch, table="seen", target="y", ignore=("id",))
    data = load("train", settings, tmp_path)
    kinds = {f.name: str(f.type) for f in data.table.schema}
    assert kinds == {
        "n": "int64", "x": "double", "share": "double", "word": "string", "at": "timestamp[us, tz=UTC]", "day": "date32[day]",
        "y": "bool", "id": "string",
    }  # fmt: skip
    assert data.table.num_rows == 60_000
    assert data.table.slice(7, 1).to_pylist()[0]["at"] == dt.datetime(2026, 1, 1, 8, tzinfo=dt.UTC)


def test_parameters_are_bound_and_rows_are_read_in_pieces_of_stated_size(postgres, monkeypatch, tmp_path):
    query = "SELECT n, y FROM seen WHERE day >= :since AND word = :word ORDER BY n"
    parameters = {"since": dt.date(2026, 1, 20), "word": "w1"}
    settings = told(postgres, monkeypatch, query=query, parameters=parameters, target="y", chunk_rows=500)
    parts = list(load("train", settings, tmp_path).chunks())
    rows = [r for p in parts for r in p.table.to_pylist()]
    assert [r["n"] for r in rows] == [i for i in range(1, 60_001) if i % 30 >= 19 and i % 7 == 1]
    assert {p.n_rows for p in parts[:-1]} == {500}


def test_a_wrong_password_is_told_without_the_password(postgres, monkeypatch, tmp_path):
    monkeypatch.setenv("DB_PASSWORD", "wrong-secret-77")
    settings = SqlSettings(url=postgres.url, password="env:DB_PASSWORD", table="seen")
    with pytest.raises(
        ServiceError, match=r"data\.train\.url: the database cannot be reached \(.*authentication failed"
    ) as caught:
        open_source("train", settings, tmp_path).digest()
    assert "wrong-secret-77" not in str(caught.value)


def test_a_password_in_an_address_behind_a_reference_is_never_shown_nor_written(postgres, monkeypatch, tmp_path):
    monkeypatch.setenv("WAREHOUSE", postgres.url.replace("tester@", f"tester:{PASSWORD}@"))
    settings = SqlSettings(url="env:WAREHOUSE", table="seen")
    open_source("train", settings, tmp_path).digest()
    assert PASSWORD not in settings.model_dump_json()
    written = [p for p in (tmp_path / ".legion").rglob("*") if p.is_file()]
    assert written
    assert not [p for p in written if PASSWORD.encode() in p.read_bytes() or PASSWORD in str(p)]
    with pytest.raises(ConfigurationError) as caught:
        open_source("train", SqlSettings(url="env:WAREHOUSE", table="nowhere"), tmp_path).digest()
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_server_that_is_not_there_is_a_service_that_cannot_be_reached(tmp_path):
    settings = SqlSettings(url="postgresql+psycopg://nobody@127.0.0.1:1/x", table="seen")
    with pytest.raises(ServiceError, match="check that it runs"):
        open_source("train", settings, tmp_path).digest()


def test_a_sink_in_postgresql_takes_all_rows_or_none(postgres, monkeypatch, tmp_path):
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    settings = SqlSinkSettings(url=postgres.url, password="env:DB_PASSWORD", table="public.said")
    sink = open_sink("answers", settings, tmp_path)
    with pytest.raises(RowsEnd):
        sink.write(tables(FIRST, broken=True))
    assert sink.write(tables(FIRST, SECOND)) == 3
    read = told(postgres, monkeypatch, query="SELECT prediction, probability, n FROM said ORDER BY n")
    assert load("train", read, tmp_path).table.to_pylist()[2] == {"prediction": "in time", "probability": None, "n": 3}


def test_parameters_never_become_part_of_the_query(lite, tmp_path):
    query = "SELECT n FROM seen WHERE word = :word"
    settings = sqlite_settings(query=query, parameters={"word": "b'; DROP TABLE seen; --"})
    assert open_source("train", settings, tmp_path).table().to_pydict() == {"n": [2]}


def test_a_swapped_parameter_is_another_snapshot(lite, tmp_path):
    two, none = (sqlite_settings(parameters={"least": n}, expires="never") for n in (1, 5))
    assert open_source("train", two, tmp_path).table().num_rows == 2
    assert open_source("train", none, tmp_path).table().num_rows == 0


@pytest.mark.parametrize(("more", "error", "said"), [
    ({"parameters": {}}, ConfigurationError, "data.train: the database refused (A value is required for bind parameter 'least'"),
    ({"query": "SELECT no_such FROM seen", "parameters": {}}, ConfigurationError, "no such column: no_such"),
    ({"query": "DELETE FROM seen", "parameters": {}}, ConfigurationError, "data.train.query: gives no rows; write a SELECT"),
    ({"query": "SELECT n, n FROM seen", "parameters": {}}, ConfigurationError, "the column 'n' is there 2 times"),
    ({"query": "SELECT 1 AS a UNION ALL SELECT 'x'", "parameters": {}}, ConfigurationError, "values of 'a' are not of one type"),
    ({"url": "not an address"}, ConfigurationError, "data.train.url: is no address of a database"),
    ({"url": "nosuchdb://x/y"}, PluginError, "nosuchdb"),
    ({"url": "oracle+oracledb://x/y"}, PluginError, "pip install oracledb"),
    ({"url": "env:NO_SUCH_VARIABLE"}, ConfigurationError, "data.train.url: the secret env:NO_SUCH_VARIABLE cannot be read"),
])  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(lite, tmp_path, more, error, said):
    with pytest.raises(error) as caught:
        open_source("train", sqlite_settings(**more), tmp_path).digest()
    assert said in str(caught.value)


def test_a_statement_that_writes_changes_nothing(lite, tmp_path):
    with pytest.raises(ConfigurationError):
        open_source("train", sqlite_settings(query="DELETE FROM seen", parameters={}), tmp_path).digest()
    assert lite.execute("SELECT count(*) FROM seen").fetchone() == (3,)


@pytest.mark.parametrize(("settings", "said"), [
    ({"url": "postgresql://u:hunter2hunter2@h/d", "table": "t"}, "it holds a password; say env:NAME"),
    ({"url": "sqlite://", "password": "hunter2hunter2", "table": "t"}, "say where it is, env:NAME or file:PATH"),
    ({"url": "sqlite://", "connect": {"Password": "hunter2"}, "table": "t"}, "a secret is named, not written (Password)"),
    ({"url": "sqlite://"}, "say either query or table"),
    ({"url": "sqlite://", "query": "SELECT 1", "table": "t"}, "say either query or table"),
])  # fmt: skip
def test_settings_with_a_secret_or_without_a_question_are_refused_and_the_secret_is_not_told(tmp_path, settings, said):
    from legion_ci.settings.load import load as load_settings

    path = tmp_path / "legion.yaml"
    path.write_text(json.dumps({"model": {"name": "m"}, "data": {"train": {"use": "sql", **settings}}}))
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, environment={})
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)
