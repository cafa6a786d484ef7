"""What every data source must do; each built-in one is put through it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from feedback_site import NOON
from promote_events import capture, outcome, write

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError
from legion_ci.data.source import Source, load, open_source
from legion_ci.settings.schema import DataSettings

ROWS = {"n": [1, 2, 3], "x": [0.5, -1.25, 1e-300], "word": ["a", "b c", "é"], "y": [True, False, True]}


class SourceContract:
    """A subclass names the plug-in, the settings that it needs and how rows are written for it."""

    use: str
    settings: dict[str, Any]

    def write(self, folder: Path, rows: dict[str, list[Any]]) -> None:
        raise NotImplementedError

    def source(self, folder: Path, **more: Any) -> Source:
        return open_source("train", self.stated(**more), folder)

    def stated(self, **more: Any) -> DataSettings:
        plugin = plugins.load("data_sources", self.use)
        settings: DataSettings = plugin.Settings(use=self.use, target="y", **{**self.settings, **more})
        return settings

    def test_its_settings_extend_the_section(self):
        assert issubclass(plugins.load("data_sources", self.use).Settings, DataSettings)

    def test_loading_it_and_its_digest_import_nothing_heavy(self, tmp_path):
        self.write(tmp_path, ROWS)
        code = (
            "import sys; from pathlib import Path; from legion_ci.core import plugins\n"
            f"made = plugins.load('data_sources', {self.use!r})\n"
            f"made('train', made.Settings(use={self.use!r}, **{self.settings!r}), Path({str(tmp_path)!r})).digest()\n"
            "print({'pandas', 'numpy', 'pyarrow', 'duckdb'} & set(sys.modules))"
        )
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert told.strip() == "set()"

    def test_the_table_is_the_rows_in_their_order_with_their_types(self, tmp_path):
        self.write(tmp_path, ROWS)
        table = self.source(tmp_path).table()
        assert table.to_pydict() == ROWS
        kinds = [table.schema.field(c).type for c in ROWS]
        assert [pa.types.is_integer(kinds[0]), pa.types.is_floating(kinds[1]), pa.types.is_boolean(kinds[3])] == [
            True
        ] * 3

    def test_the_digest_stays_while_the_rows_do_also_elsewhere_and_later(self, tmp_path):
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            self.write(tmp_path / name, ROWS)
        os.utime(next(p for p in (tmp_path / "two").rglob("*") if p.is_file()), (time.time() - 9e6,) * 2)
        one = self.source(tmp_path / "one").digest()
        assert one == self.source(tmp_path / "one").digest() == self.source(tmp_path / "two").digest()

    def test_the_digest_changes_with_the_rows(self, tmp_path):
        self.write(tmp_path, ROWS)
        before = self.source(tmp_path).digest()
        self.write(tmp_path, {**ROWS, "n": [1, 2, 4]})
        assert self.source(tmp_path).digest() != before

    def test_data_that_is_not_there_is_told_with_its_place(self, tmp_path):
        for ask in (Source.digest, Source.table):
            with pytest.raises(ConfigurationError, match=r"data\.train"):
                getattr(self.source(tmp_path), ask.__name__)()

    def test_data_that_cannot_be_read_is_told_with_its_place(self, tmp_path):
        self.write(tmp_path, ROWS)
        for path in tmp_path.rglob("*"):
            if path.is_file():
                path.write_bytes(b"\x00\xff not a table \xfe\n\x00,\x01")
        with pytest.raises(ConfigurationError, match=r"data\.train"):
            load("train", self.stated(), tmp_path)


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


class TestFeedbackSource(SourceContract):
    """Captured requests whose outcomes have come. Its digest is that of joined rows, so it takes DuckDB to know it."""

    use = "feedback"
    settings = {"outcome": "y", "window": 10.0, "store": "feedback", "model": "wine", "now": NOON}  # noqa: RUF012

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
            "print({'pandas', 'numpy', 'pyarrow', 'duckdb'} & set(sys.modules))"
        )
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert told.strip() == "set()"


def test_every_data_source_of_ours_is_put_through_this():
    assert set(plugins.installed("data_sources")) == {c.use for c in SourceContract.__subclasses__()}
