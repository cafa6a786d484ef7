"""What training scripts and notebooks may ask of legion-ci: their data sets and parameters; and where they leave the model.

``from legion_ci.train import inside``, then ``inside.data("train").features``, ``inside.parameters()``, ``inside.save(model)``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import write_atomic
from legion_ci.data import source
from legion_ci.data.source import Dataset
from legion_ci.settings.schema import DataSettings
from legion_ci.train import saving
from legion_ci.train.work import JOB, Work

SAID = ".said.json"  # beside the model: metrics and tags that were given with it


def data(name: str = "train") -> Dataset:
    """A data set of legion.yaml: ``.features`` (DataFrame), ``.target`` (Series), ``.table`` (Arrow)."""
    work = _work()
    if name not in work.data:
        raise ConfigurationError(
            f"training has no data set named {name!r}",
            where="data",
            todo=f"there are {', '.join(sorted(work.data)) or 'none'}; eval is never shown to training code",
        )
    return dataset(work, name)


def parameters() -> dict[str, Any]:
    """The parameters, ``train.parameters``."""
    return dict(_work().parameters)


def save(model: Any, metrics: Mapping[str, float] | None = None, tags: Mapping[str, str] | None = None) -> None:
    """Leave a fitted model with what was measured; the last thing that a script or notebook does, and once."""
    work = _work()
    saving.save(model, Path(work.model_dir), work.entrypoint, Path(work.folder))
    said = {
        "metrics": saving.metrics(metrics or {}, work.entrypoint),
        "tags": {k: str(v) for k, v in (tags or {}).items()},
    }
    write_atomic(said_beside(Path(work.model_dir)), msgspec.json.encode(said))


def said_beside(model_dir: Path) -> Path:
    """Where ``save`` notes what it was told."""
    return model_dir.with_name(model_dir.name + SAID)


def datasets(work: Work) -> dict[str, Dataset]:
    """All data sets of a job, read and checked."""
    return {name: dataset(work, name) for name in work.data}


def dataset(work: Work, name: str) -> Dataset:
    """One data set of a job."""
    use, values = work.data[name]
    return source.load(name, settings_of(name, use, values), Path(work.folder))


def settings_of(name: str, use: str, values: Mapping[str, object]) -> DataSettings:
    """The settings of a data set as its source's own class."""
    from legion_ci.core import plugins

    kind: type[DataSettings] = plugins.load("data_sources", use, f"data.{name}").Settings
    return kind.model_validate(values, strict=False)


@cache
def _work() -> Work:
    path = os.environ.get(JOB)
    if path is None:
        raise ConfigurationError("this is no training by legion-ci", todo="run: legion-ci train")
    return msgspec.json.decode(Path(path).read_bytes(), type=Work)
