"""A trained model to work with: a folder or archive of anybody's, or the newest trained run, and its environment."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from legion_ci import runs
from legion_ci.core import environments
from legion_ci.core.errors import ConfigurationError, OrderError
from legion_ci.core.tools import Tools
from legion_ci.results import TrainResult
from legion_ci.settings.load import FILE, load
from legion_ci.store import artefacts, foreign, laid_out, manifest, unpack
from legion_ci.train import environment

LOCK = "requirements.lock"


@dataclass(frozen=True)
class Opened:
    """folder: the model in our layout. scratch: may be littered. what: for people. ours: trained by legion-ci.

    python: of the model's own environment.
    """

    folder: Path
    scratch: Path
    what: str
    ours: bool
    python: Path
    prepared: environment.Prepared | None = None

    @property
    def model_dir(self) -> Path:
        """The folder with the entry point."""
        return self.folder / manifest.MODEL_DIR


@dataclass(frozen=True)
class Wanted:
    """Which model. model: a folder or archive; empty: that of the run, or of the newest trained run of the repository."""

    model: str = ""
    settings: str = ""
    sets: Sequence[str] = ()
    run: str = ""


@contextmanager
def opened(wanted: Wanted, tools: Tools) -> Iterator[Opened]:
    """The model and its environment, for the block; what was unpacked goes afterwards.

    Raises ConfigurationError with everything that is wrong with a manifest or an archive.
    """
    with scratch_folder() as scratch:
        folder, what, links = _found(wanted, tools, scratch)
        read = foreign.read(folder)
        if read.ours:
            lock = read.model_dir / LOCK
            if not lock.is_file():
                raise ConfigurationError(f"has no {LOCK}", where=what, todo="train it with legion-ci train")
            yield Opened(read.root, scratch, what, True, environments.ensure(lock, tools, links))
            return
        laid = laid_out.lay_out(read, scratch / "model")
        tools.progress.say(f"making the environment that {read.conda.name} describes")
        made = environment.prepare(laid / manifest.MODEL_DIR / "conda.yaml", (), tools, _made(scratch / "lock"), links)
        yield Opened(laid, scratch, what, False, made.python, made)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that is gone after the block."""
    folder = Path(tempfile.mkdtemp(prefix="legion-gppi-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unpacked(told: Path, scratch: Path) -> Path:
    """The folder of a model: itself, or unpacked from its archive."""
    if told.is_dir():
        return told.resolve()
    if not told.is_file():
        raise ConfigurationError("there is no such folder or archive", where=str(told), todo="name a trained model")
    return unpack.unpack(told, scratch / "unpacked")


def _found(wanted: Wanted, tools: Tools, scratch: Path) -> tuple[Path, str, tuple[str, ...]]:
    if wanted.model:
        return unpacked(Path(wanted.model), scratch), wanted.model, ()
    loaded = load(Path(wanted.settings or FILE), wanted.sets)
    for run in reversed([r for r in runs.existing(loaded.folder) if wanted.run in ("", r.id)]):
        trained = cast("TrainResult | None", run.result("train"))
        if trained is not None:
            folder = artefacts.fetch(trained.model.artefact, tools)
            what = f"{trained.model.name} {trained.model.version} of run {run.id}"
            return folder, what, loaded.settings.distribution.find_links
    raise OrderError(
        "there is no trained model", where=wanted.run or str(runs.home(loaded.folder)),
        todo="run legion-ci train first, or name a folder or archive with --model",
    )  # fmt: skip


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
