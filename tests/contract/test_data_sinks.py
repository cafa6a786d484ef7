"""Every built-in data sink is put through the contract that plug-in authors run on theirs."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from legion_ci.core import plugins
from legion_ci.testing.sinks import FIRST, SinkContract, tables


class TestParquetSink(SinkContract):
    use = "parquet"
    settings = {"path": "out/answers.parquet"}  # noqa: RUF012

    def read(self, folder: Path) -> dict[str, list[Any]] | None:
        import pyarrow.parquet as pq

        path = folder / "out" / "answers.parquet"
        assert not path.parent.is_dir() or {p.name for p in path.parent.iterdir()} <= {path.name}
        return pq.read_table(path).to_pydict() if path.is_file() else None


class TestCsvSink(SinkContract):
    use = "csv"
    settings = {"path": "answers.csv", "delimiter": ";"}  # noqa: RUF012

    def read(self, folder: Path) -> dict[str, list[Any]] | None:
        import pyarrow as pa
        from pyarrow import csv

        if not (folder / "answers.csv").is_file():
            return None
        parsed = csv.read_csv(folder / "answers.csv", parse_options=csv.ParseOptions(delimiter=";"))
        kinds = {"prediction": pa.string(), "probability": pa.float64(), "n": pa.int64()}
        return parsed.cast(pa.schema(kinds)).to_pydict() if parsed.num_rows else {n: [] for n in parsed.column_names}


class TestJsonSink(SinkContract):
    use = "json"
    settings = {"path": "answers.json"}  # noqa: RUF012

    def read(self, folder: Path) -> dict[str, list[Any]] | None:
        path = folder / "answers.json"
        if not path.is_file():
            return None
        rows = json.loads(path.read_bytes())
        return {n: [r[n] for r in rows] for n in (rows[0] if rows else {})}

    def test_lines_are_an_object_each(self, tmp_path):
        plugins.load("data_sinks", "json")("a", self.stated(layout="lines"), tmp_path).write(tables(FIRST))
        lines = (tmp_path / "answers.json").read_text().splitlines()
        assert [json.loads(line)["n"] for line in lines] == [1, 2]


class TestExcelSink(SinkContract):
    use = "excel"
    settings = {"path": "answers.xlsx", "sheet": "said"}  # noqa: RUF012

    def read(self, folder: Path) -> dict[str, list[Any]] | None:
        import openpyxl

        if not (folder / "answers.xlsx").is_file():
            return None
        names, *rows = openpyxl.load_workbook(folder / "answers.xlsx")["said"].iter_rows(values_only=True)
        return {n: [r[i] for r in rows] for i, n in enumerate(names)}


class TestSqlSink(SinkContract):
    use = "sql"
    settings = {"url": "sqlite:///answers.db", "table": "said", "when_there": "replace"}  # noqa: RUF012

    def read(self, folder: Path) -> dict[str, list[Any]] | None:
        if not (folder / "answers.db").is_file():
            return None
        db = sqlite3.connect(folder / "answers.db")
        try:
            found = db.execute("SELECT prediction, probability, n FROM said").fetchall()
        except sqlite3.OperationalError:
            return None
        finally:
            db.close()
        return {n: [r[i] for r in found] for i, n in enumerate(FIRST)}

    def test_a_table_that_is_there_is_appended_to_by_default_or_refused(self, tmp_path):
        from legion_ci.core.errors import ConfigurationError

        plugin = plugins.load("data_sinks", "sql")
        for mode in ("append", "append"):
            plugin("a", self.stated(when_there=mode), tmp_path).write(tables(FIRST))
        assert self.read(tmp_path)["n"] == [1, 2, 1, 2]
        with pytest.raises(ConfigurationError, match=r"sinks\.a: the table said is there already; set when_there"):
            plugin("a", self.stated(when_there="fail"), tmp_path).write(tables(FIRST))


def test_every_data_sink_of_ours_is_put_through_this():
    ours = {n for n, e in plugins.installed("data_sinks").items() if e.value.startswith("legion_ci.")}
    assert ours == {c.use for c in SinkContract.__subclasses__()}
