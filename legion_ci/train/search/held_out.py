"""Which rows trials are trained on and which they are judged by; the quality gate's rows are neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from legion_ci.core.errors import ConfigurationError
from legion_ci.data import source
from legion_ci.data.files import FileSettings
from legion_ci.settings.schema import DataSettings, SearchSettings

GATE = "eval"


@dataclass(frozen=True)
class Rows:
    """seen: data sets for the trials. judged: the rows that decide. final: data sets for the last training."""

    seen: dict[str, DataSettings]
    judged: DataSettings
    final: dict[str, DataSettings]


def check(search: SearchSettings, names: Mapping[str, object], needs_data: bool, use: str) -> None:
    """Raise ConfigurationError unless there are rows to judge by that training does not see."""
    where = "train.search.on"
    if use == "existing":
        raise ConfigurationError("an existing model has nothing to search", where="train.search", todo="leave it out")
    if search.on is None and not needs_data:
        raise ConfigurationError(
            f"the trainer {use} may read rows by itself, so none of data.train can be kept from it",
            where=where,
            todo="add a data set that training does not read, such as data.validation, and name it here",
        )
    if search.on == GATE:
        raise ConfigurationError(
            "data.eval judges the model that was found", where=where, todo="name other rows, or leave it out"
        )
    if search.on == "train" or (search.on is not None and search.on not in names):
        others = ", ".join(sorted(set(names) - {"train", GATE})) or "none"
        raise ConfigurationError(
            f"there are no rows {search.on!r} besides those to train on", where=where, todo=f"data sets: {others}"
        )


def rows(search: SearchSettings, data: Mapping[str, DataSettings], folder: Path, scratch: Path) -> Rows:
    """The rows of a search; a share of data.train is written apart when no data set is named."""
    if search.on is not None:
        others = {name: s for name, s in data.items() if name != search.on}
        return Rows(others, data[search.on], others)
    seen, judged = _split(data["train"], search, folder, scratch)
    return Rows({**data, "train": seen}, judged, dict(data))


def _split(
    settings: DataSettings, search: SearchSettings, folder: Path, scratch: Path
) -> tuple[DataSettings, DataSettings]:
    import numpy as np
    import pyarrow.parquet as pq

    table = source.load("train", settings, folder).table
    count = round(search.held_out * table.num_rows)
    if not 0 < count < table.num_rows:
        raise ConfigurationError(
            f"{search.held_out:g} of {table.num_rows:,} rows leave nothing to train on or to judge by",
            where="train.search.held_out",
            todo="use more rows or another share",
        )
    order = np.random.default_rng(search.seed).permutation(table.num_rows)
    made = []
    for name, chosen in (("seen", order[count:]), ("judged", order[:count])):
        path = scratch / f"{name}.parquet"
        pq.write_table(table.take(np.sort(chosen)), path)
        kept = settings.model_dump(include={"target", "ignore", "features"})
        made.append(FileSettings(use="parquet", path=str(path), **kept))
    return made[0], made[1]
