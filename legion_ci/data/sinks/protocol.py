"""The protocol of data sinks: rows come in pieces; they are there when all have come, and nothing is before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from legion_ci.core import plugins
from legion_ci.settings.schema import SinkSettings

if TYPE_CHECKING:
    import pyarrow as pa


class Sink(Protocol):
    """Where rows go. Made with its name, settings and the folder of the model repository."""

    def write(self, tables: Iterator[pa.Table]) -> int:
        """Write all rows; returns how many. After an error, the sink's or the rows', what was there before is there still."""


def open_sink(name: str, settings: SinkSettings, folder: Path) -> Sink:
    """The sink that ``sinks.<name>`` configures; paths in it are relative to ``folder``."""
    plugin = plugins.load("data_sinks", settings.use, f"sinks.{name}.use")
    sink: Sink = plugin(name, settings, folder)
    return sink
