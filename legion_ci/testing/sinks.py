"""What every data sink must do: subclass ``SinkContract`` in a test module of yours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from legion_ci.core import plugins
from legion_ci.data.sinks.protocol import Sink, open_sink
from legion_ci.settings.schema import SinkSettings
from legion_ci.testing.sources import HEAVY

FIRST: dict[str, list[Any]] = {"prediction": ["late", "é,\"'"], "probability": [0.25, 1e-300], "n": [1, 2]}
SECOND: dict[str, list[Any]] = {"prediction": ["in time"], "probability": [None], "n": [3]}
BOTH = {name: [*FIRST[name], *SECOND[name]] for name in FIRST}
SCHEMA = pa.schema([("prediction", pa.string()), ("probability", pa.float64()), ("n", pa.int64())])


class RowsEnd(Exception):
    """What the rows of a test raise."""


def tables(*rows: dict[str, list[Any]], broken: bool = False) -> Iterator[pa.Table]:
    """Pieces as a model gives them; broken: an error in their stead of the end."""
    for one in rows:
        yield pa.table(one, schema=SCHEMA)
    if broken:
        raise RowsEnd


class SinkContract:
    """A subclass names the plug-in, its settings, and how what was written is read again (None: nothing is there)."""

    use: str
    settings: ClassVar[dict[str, Any]]

    def read(self, folder: Path) -> dict[str, list[Any]] | None:
        """What is there now."""
        raise NotImplementedError

    def stated(self, **more: Any) -> SinkSettings:
        """Its settings."""
        settings: SinkSettings = plugins.load("data_sinks", self.use).Settings(
            use=self.use, **{**self.settings, **more}
        )
        return settings

    def sink(self, folder: Path) -> Sink:
        """The sink over that folder."""
        return open_sink("answers", self.stated(), folder)

    def test_its_settings_extend_the_section(self) -> None:
        assert issubclass(plugins.load("data_sinks", self.use).Settings, SinkSettings)

    def test_loading_it_imports_nothing_heavy(self) -> None:
        code = f"from legion_ci.core import plugins; plugins.load('data_sinks', {self.use!r})\nimport sys; print({HEAVY} & set(sys.modules))"
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert told.strip() == "set()"

    def test_all_pieces_are_written_in_their_order_and_counted(self, tmp_path: Path) -> None:
        assert self.sink(tmp_path).write(tables(FIRST, SECOND)) == 3
        assert self.read(tmp_path) == BOTH

    def test_no_rows_are_written_as_columns_without_rows(self, tmp_path: Path) -> None:
        empty: dict[str, list[Any]] = {name: [] for name in FIRST}
        assert self.sink(tmp_path).write(tables(empty)) == 0
        assert self.read(tmp_path) in (empty, {})

    def test_rows_that_end_with_an_error_leave_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(RowsEnd):
            self.sink(tmp_path).write(tables(FIRST, broken=True))
        assert self.read(tmp_path) is None

    def test_rows_that_end_with_an_error_leave_what_was_there(self, tmp_path: Path) -> None:
        self.sink(tmp_path).write(tables(FIRST))
        with pytest.raises(RowsEnd):
            self.sink(tmp_path).write(tables(SECOND, broken=True))
        assert self.read(tmp_path) == FIRST
