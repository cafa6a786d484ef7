"""What every data source must do: subclass ``SourceContract`` in a test module of yours."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError
from legion_ci.data.source import Chunked, Dataset, Source, load, open_source
from legion_ci.settings.schema import DataSettings

ROWS: dict[str, list[Any]] = {
    "n": [1, 2, 3], "x": [0.5, -1.25, 1e-300], "word": ["a", "b c", "é"], "y": [True, False, True],
}  # fmt: skip
HEAVY = "{'pandas', 'numpy', 'pyarrow', 'duckdb', 'sqlalchemy', 'fsspec', 'openpyxl'}"


class SourceContract:
    """A subclass names the plug-in, the settings that it needs and how rows are written for it.

    light_digest: whether its digest is known without reading rows, so that it takes no heavy import.
    """

    use: str
    settings: ClassVar[dict[str, Any]]
    light_digest: ClassVar[bool] = True

    def write(self, folder: Path, rows: dict[str, list[Any]]) -> None:
        """Put these rows (integers, numbers, texts, truth values) where the settings say; again: in their stead."""
        raise NotImplementedError

    def damage(self, folder: Path) -> None:
        """Make what was written unreadable."""
        for path in folder.rglob("*"):
            if path.is_file():
                path.write_bytes(b"\x00\xff not a table \xfe\n\x00,\x01")

    def source(self, folder: Path, **more: Any) -> Source:
        """The source over that folder."""
        return open_source("train", self.stated(**more), folder)

    def stated(self, **more: Any) -> DataSettings:
        """Its settings."""
        plugin = plugins.load("data_sources", self.use)
        settings: DataSettings = plugin.Settings(use=self.use, target="y", **{**self.settings, **more})
        return settings

    def test_its_settings_extend_the_section(self) -> None:
        assert issubclass(plugins.load("data_sources", self.use).Settings, DataSettings)

    def test_loading_it_and_its_digest_import_nothing_heavy(self, tmp_path: Path) -> None:
        self.write(tmp_path, ROWS)
        ask = f"('train', stated, Path({str(tmp_path)!r}))" + (".digest()" if self.light_digest else "")
        code = (
            "import sys; from pathlib import Path; from legion_ci.core import plugins\n"
            f"made = plugins.load('data_sources', {self.use!r})\n"
            f"stated = made.Settings(use={self.use!r}, **{self.settings!r})\n"
            f"made{ask}\n"
            f"print({HEAVY} & set(sys.modules))"
        )
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (told.stdout.strip(), told.stderr) == ("set()", "")

    def test_the_table_is_the_rows_in_their_order_with_their_types(self, tmp_path: Path) -> None:
        self.write(tmp_path, ROWS)
        table = self.source(tmp_path).table()
        assert table.to_pydict() == ROWS
        kinds = [table.schema.field(c).type for c in ROWS]
        assert pa.types.is_integer(kinds[0])
        assert pa.types.is_floating(kinds[1])
        assert pa.types.is_boolean(kinds[3])

    def test_pieces_are_the_same_rows_in_the_same_order(self, tmp_path: Path) -> None:
        self.write(tmp_path, ROWS)
        source = self.source(tmp_path)
        pieces = list(Dataset("train", source, self.stated()).chunks(2))
        assert pa.concat_tables([p.table for p in pieces]).to_pydict() == ROWS
        assert all(0 < p.table.num_rows <= 2 for p in pieces)
        if isinstance(source, Chunked):
            assert [t.num_rows for t in source.chunks(3)] == [3]

    def test_the_digest_stays_while_the_rows_do_also_elsewhere_and_later(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            self.write(tmp_path / name, ROWS)
        for path in (p for p in (tmp_path / "two").rglob("*") if p.is_file()):
            os.utime(path, (time.time() - 9e6,) * 2)
        one = self.source(tmp_path / "one").digest()
        assert one == self.source(tmp_path / "one").digest() == self.source(tmp_path / "two").digest()

    def test_the_digest_changes_with_the_rows(self, tmp_path: Path) -> None:
        self.write(tmp_path, ROWS)
        before = self.source(tmp_path).digest()
        self.write(tmp_path, {**ROWS, "n": [1, 2, 4]})
        assert self.source(tmp_path).digest() != before

    def test_data_that_is_not_there_is_told_with_its_place(self, tmp_path: Path) -> None:
        for ask in (Source.digest, Source.table):
            with pytest.raises(ConfigurationError, match=r"data\.train"):
                getattr(self.source(tmp_path), ask.__name__)()

    def test_data_that_cannot_be_read_is_told_with_its_place(self, tmp_path: Path) -> None:
        self.write(tmp_path, ROWS)
        self.damage(tmp_path)
        with pytest.raises(ConfigurationError, match=r"data\.train"):
            load("train", self.stated(), tmp_path)
