"""Every built-in data source is put through the contract that plug-in authors run on theirs."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
from feedback_site import NOON
from promote_events import capture, outcome, write

from legion_ci.core import plugins
from legion_ci.testing.sources import HEAVY, SourceContract


class TestParquetSource(SourceContract):
    use = "parquet"
    settings = {"path": "rows.parquet"}  # noqa: RUF012

    def write(self, folder: Path, rows: dict[str, list[Any]]) -> None:
        import pyarrow.parquet as pq

        pq.write_table(pa.table(rows), folder / "rows.parquet")


class TestCsvSource(SourceContract):
    use = "csv"
    settings = {"path": "rows.csv"}  # noqa: RUF012

    def write(self, folder: Path, rows: dict[str, list[Any]]) -> None:
        lines = [",".join(rows), *(",".join(map(str, row)) for row in zip(*rows.values(), strict=True))]
        (folder / "rows.csv").write_text("\n".join(lines) + "\n")


class TestJsonSource(SourceContract):
    use = "json"
    settings = {"path": "rows.json"}  # noqa: RUF012

    def write(self, folder: Path, rows: dict[str, list[Any]]) -> None:
        (folder / "rows.json").write_text(json.dumps(pa.table(rows).to_pylist(), ensure_ascii=False))


class TestExcelSource(SourceContract):
    use = "excel"
    settings = {"path": "rows.xlsx"}  # noqa: RUF012

    def write(self, folder: Path, rows: dict[str, list[Any]]) -> None:
        import openpyxl

        book = openpyxl.Workbook()
        for row in (tuple(rows), *zip(*rows.values(), strict=True)):
            book.active.append(row)
        book.save(folder / "rows.xlsx")

    def test_the_digest_stays_while_the_rows_do_also_elsewhere_and_later(self, tmp_path):
        (tmp_path / "two").mkdir()
        self.write(tmp_path, {"y": [1]})
        shutil.copy(tmp_path / "rows.xlsx", tmp_path / "two")  # a workbook holds the time at which it was saved
        assert self.source(tmp_path).digest() == self.source(tmp_path / "two").digest()


class TestSqlSource(SourceContract):
    """SQLite; PostgreSQL has tests of its own. SQLite knows no truth values, so they are stated."""

    use = "sql"
    settings = {"url": "sqlite:///rows.db", "table": "seen", "types": {"y": "boolean"}}  # noqa: RUF012
    light_digest = False

    def write(self, folder: Path, rows: dict[str, list[Any]]) -> None:
        (folder / "rows.db").unlink(missing_ok=True)
        with sqlite3.connect(folder / "rows.db") as db:
            db.execute(f"CREATE TABLE seen ({', '.join(rows)})")
            db.executemany("INSERT INTO seen VALUES (?, ?, ?, ?)", zip(*rows.values(), strict=True))
        db.close()


class TestDuckdbSource(SourceContract):
    use = "duckdb"
    settings = {"query": "SELECT * FROM 'rows.parquet'"}  # noqa: RUF012
    light_digest = False

    def write(self, folder: Path, rows: dict[str, list[Any]]) -> None:
        import pyarrow.parquet as pq

        pq.write_table(pa.table(rows), folder / "rows.parquet")


class TestFeedbackSource(SourceContract):
    """Captured requests whose outcomes have come. Its digest is that of joined rows, so it takes DuckDB to know it."""

    use = "feedback"
    settings = {"outcome": "y", "window": 10.0, "store": "feedback", "model": "wine", "now": NOON}  # noqa: RUF012
    light_digest = False

    def write(self, folder: Path, rows: dict[str, list[Any]]) -> None:
        shutil.rmtree(folder / "feedback", ignore_errors=True)
        columns = [c for c in rows if c != "y"]
        requests = [
            capture(f"r{i}", at=NOON - 100 + i, request=json.dumps({"columns": columns, "data": [row]}).encode())
            for i, row in enumerate(zip(*(rows[c] for c in columns), strict=True))
        ]
        outcomes = [outcome(f"r{i}", {"y": y}, at=NOON - 95 + i) for i, y in enumerate(rows["y"])]
        write(folder / "feedback", requests, outcomes)

    def test_loading_it_and_its_digest_import_nothing_heavy(self):
        code = (
            "import sys; from legion_ci.core import plugins\n"
            f"plugins.load('data_sources', 'feedback').Settings(use='feedback', target='y', **{self.settings!r})\n"
            f"print({HEAVY} & set(sys.modules))"
        )
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert told.strip() == "set()"


def test_every_data_source_of_ours_is_put_through_this():
    ours = {n for n, e in plugins.installed("data_sources").items() if e.value.startswith("legion_ci.")}
    assert ours == {c.use for c in SourceContract.__subclasses__()}
