"""Files at addresses, and what all file sources share."""

import json

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from file_server import serving

from legion_ci.core.errors import ConfigurationError, PluginError, ServiceError
from legion_ci.data.excel import ExcelSettings
from legion_ci.data.files import CsvSettings, FileSettings, JsonSettings
from legion_ci.data.sinks.files import FileSinkSettings
from legion_ci.data.sinks.protocol import open_sink
from legion_ci.data.source import load, open_source
from legion_ci.testing.sinks import FIRST, RowsEnd, tables


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


@pytest.fixture
def web():
    with serving() as server:
        yield server


def test_a_pattern_in_an_object_store_reads_its_files_in_order(memory, tmp_path):
    for month in (2, 1, 3):
        with memory.open(f"/bucket/2013-0{month}.parquet", "wb") as out:
            pq.write_table(pa.table({"y": [month]}), out)
    settings = FileSettings(path="memory://bucket/2013-0[12].parquet")
    source = open_source("train", settings, tmp_path)
    assert source.table().column("y").to_pylist() == [1, 2]
    before = source.digest()
    memory.pipe_file("/bucket/2013-01.parquet", memory.cat_file("/bucket/2013-03.parquet"))
    assert source.digest() == before, "digest and table of one task are of the same bytes"
    assert open_source("train", settings, tmp_path).digest() != before


def test_nothing_at_an_address_is_told(memory, tmp_path):
    with pytest.raises(ConfigurationError, match=r"data\.train\.path: no file matches 'memory://bucket/x\*'"):
        open_source("train", FileSettings(path="memory://bucket/x*"), tmp_path).digest()


def test_a_file_system_that_is_not_installed_is_told_with_what_to_install(tmp_path):
    with pytest.raises(PluginError, match="abfs|adlfs"):
        open_source("train", FileSettings(path="abfs://bucket/x.parquet"), tmp_path).digest()


def test_an_unknown_kind_of_address_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="is no address that can be read"):
        open_source("train", FileSettings(path="nosuch://bucket/x.parquet"), tmp_path).digest()


def test_the_web_is_asked_once_a_task_with_headers_by_reference(web, tmp_path, monkeypatch):
    monkeypatch.setenv("WEB_TOKEN", "Bearer very-secret-token")
    web.files["/rows.csv?day=1"] = b"a,y\n1,0\n2,1\n"
    web.headers = {"Authorization": "Bearer very-secret-token"}
    settings = CsvSettings(path=f"{web.url}/rows.csv?day=1", credentials={"Authorization": "env:WEB_TOKEN"}, target="y")
    source = open_source("train", settings, tmp_path)
    assert source.table().to_pydict() == {"a": [1, 2], "y": [0, 1]}
    source.digest()
    assert [a for a in web.asked if a.startswith("GET")] == ["GET /rows.csv?day=1"]
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"very-secret" in p.read_bytes()]


@pytest.mark.parametrize(("header", "said"), [({"X": "never given"}, "401"), ({}, "no file matches")])
def test_a_web_server_that_refuses_or_does_not_have_it_is_told(web, tmp_path, header, said):
    web.headers = header
    with pytest.raises((ServiceError, ConfigurationError), match=said):
        open_source("train", CsvSettings(path=f"{web.url}/rows.csv"), tmp_path).digest()


def test_a_web_server_that_is_not_there_cannot_be_reached(tmp_path):
    with pytest.raises(ServiceError, match=r"data\.train\.path: cannot be read"):
        open_source("train", CsvSettings(path="http://127.0.0.1:1/rows.csv"), tmp_path).digest()


def test_a_copy_that_has_not_expired_is_not_fetched_again(web, tmp_path):
    web.files["/rows.json"] = b'[{"y": 1}]'
    for _ in range(3):
        load("train", JsonSettings(path=f"{web.url}/rows.json", expires=3600.0), tmp_path)
    assert len([a for a in web.asked if a.startswith("GET")]) == 1


def test_european_csv_lines_and_records_are_read(tmp_path):
    (tmp_path / "e.csv").write_text("a;y\n1,5;0\n2,25;1\n")
    settings = CsvSettings(path="e.csv", delimiter=";", decimal=",")
    assert open_source("train", settings, tmp_path).table().to_pydict() == {"a": [1.5, 2.25], "y": [0, 1]}
    (tmp_path / "l.json").write_text('{"a": 1.5, "y": 0}\n{"a": 2.25, "y": 1}\n')
    settings = JsonSettings(path="l.json", layout="lines")
    assert open_source("train", settings, tmp_path).table().to_pydict() == {"a": [1.5, 2.25], "y": [0, 1]}


def test_parameters_of_a_condition_are_values_and_never_its_text(tmp_path):
    pq.write_table(pa.table({"w": ["a", "' OR true --"], "n": [1, 2]}), tmp_path / "r.parquet")
    settings = FileSettings(
        path="r.parquet", where="w = $word AND n > $least", parameters={"word": "' OR true --", "least": 0}
    )
    source = open_source("train", settings, tmp_path)
    assert source.table().to_pydict() == {"w": ["' OR true --"], "n": [2]}
    import duckdb

    assert duckdb.sql(source.sql()).fetchall() == [("' OR true --", 2)]
    other = FileSettings(path="r.parquet", where="n > $least", parameters={"least": 1})
    assert open_source("train", other, tmp_path).digest() != source.digest()


def test_stated_types_are_cast_and_all_that_cannot_be_are_told(tmp_path):
    (tmp_path / "r.csv").write_text("zip,day,word\n01234,2026-01-02,x\n99999,2026-01-03,y\n")
    good = CsvSettings(path="r.csv", types={"zip": "string", "day": "datetime"})
    kinds = open_source("train", good, tmp_path).table().schema
    assert [str(kinds.field(c).type) for c in ("zip", "day")] == ["string", "timestamp[us]"]
    with pytest.raises(ConfigurationError) as caught:
        open_source("train", CsvSettings(path="r.csv", types={"word": "integer", "nay": "number"}), tmp_path).table()
    assert len(caught.value.problems) == 2


def test_several_workbooks_and_sheets_are_read_and_what_is_wrong_is_told(tmp_path):
    import openpyxl

    for name, rows in {"1.xlsx": [("a", "y"), (1, 0), (None, None)], "2.xlsx": [("a", "y", None), (2.5, 1)]}.items():
        book = openpyxl.Workbook()
        book.active.title = "rows"
        for row in rows:
            book.active.append(row)
        book.save(tmp_path / name)
    assert load("train", ExcelSettings(path="*.xlsx", target="y"), tmp_path).table.to_pydict() == {
        "a": [1.0, 2.5],
        "y": [0, 1],
    }
    with pytest.raises(ConfigurationError, match=r"data\.train\.sheet: there is no sheet 'row'; 1\.xlsx has rows"):
        open_source("train", ExcelSettings(path="1.xlsx", sheet="row"), tmp_path).table()


def test_answers_go_to_an_object_store_whole_or_not_at_all(memory, tmp_path):
    sink = open_sink("answers", FileSinkSettings(path="memory://out/day/answers.parquet"), tmp_path)
    with pytest.raises(RowsEnd):
        sink.write(tables(FIRST, broken=True))
    assert not memory.exists("/out/day/answers.parquet")
    sink.write(tables(FIRST))
    with memory.open("/out/day/answers.parquet") as file:
        assert pq.read_table(file).to_pydict() == FIRST


def test_a_store_that_cannot_be_written_is_told_with_its_place(tmp_path):
    with pytest.raises(ServiceError, match=r"sinks\.answers\.path: cannot be written"):
        open_sink("answers", FileSinkSettings(path="http://127.0.0.1:1/x.parquet"), tmp_path).write(tables(FIRST))


def test_a_literal_secret_in_credentials_is_refused_and_not_shown(tmp_path):
    from legion_ci.settings.load import load as load_settings

    data = {"train": {"path": "s3://b/x", "credentials": {"secret": "AKIAVERYSECRET"}}}
    (tmp_path / "legion.yaml").write_text(json.dumps({"model": {"name": "m"}, "data": data}))
    with pytest.raises(ConfigurationError, match="say where it is, env:NAME") as caught:
        load_settings(tmp_path / "legion.yaml", environment={})
    assert "AKIA" not in str(caught.value)
