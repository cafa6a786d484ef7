"""The supervisor's folder: wanted processes written by clients, actual ones by the supervisor; one file each."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TypeVar

import msgspec

from legion_ci.core.files import write_atomic
from legion_ci.supervise.identity import MARK, Identity
from legion_ci.supervise.process import Actual, Process, Wanted

T = TypeVar("T")


class Records:
    """Files of one site below ``folder`` (the site's ``processes``)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.lock = self.folder / "supervisor.lock"
        self._supervisor = self.folder / "supervisor.json"

    def ask(self, process: Process) -> str:
        """Want a process; returns the mark of this very request."""
        asked = uuid.uuid4().hex
        write_atomic(self._wanted(process.name), msgspec.json.encode(Wanted(process=process, asked=asked)))
        return asked

    def drop(self, name: str) -> None:
        """Want it no more."""
        self._wanted(name).unlink(missing_ok=True)

    def wanted(self, name: str) -> Wanted | None:
        """What is wanted under that name."""
        return _read(self._wanted(name), Wanted)

    def actual(self, name: str) -> Actual | None:
        """What is known under that name."""
        return _read(self._actual(name), Actual)

    def save(self, actual: Actual) -> None:
        """Write down what is known; nothing when the site's folder is gone."""
        if self.folder.is_dir():
            write_atomic(self._actual(actual.process.name), msgspec.json.encode(actual))

    def forget(self, name: str) -> None:
        """Nothing is left of that process."""
        self._actual(name).unlink(missing_ok=True)

    def names(self) -> set[str]:
        """Every name that is wanted or known."""
        return self.wanted_names() | {p.stem for p in (self.folder / "actual").glob("*.json")}

    def wanted_names(self) -> set[str]:
        """Every name that is wanted."""
        return {p.stem for p in (self.folder / "wanted").glob("*.json")}

    def log(self, name: str) -> Path:
        """Where a process' output goes."""
        return self.folder / "logs" / f"{name}.log"

    def mark(self, name: str) -> str:
        """What its environment carries, so that it can be found again."""
        return f"{self.folder}:{name}"

    def environment(self, name: str) -> dict[str, str]:
        """The mark as a variable."""
        return {MARK: self.mark(name)}

    def supervisor(self) -> Identity | None:
        """Who looks after this folder, as last written."""
        return _read(self._supervisor, Identity)

    def save_supervisor(self, identity: Identity) -> None:
        """Write down who looks after this folder."""
        write_atomic(self._supervisor, msgspec.json.encode(identity))

    def _wanted(self, name: str) -> Path:
        return self.folder / "wanted" / f"{name}.json"

    def _actual(self, name: str) -> Path:
        return self.folder / "actual" / f"{name}.json"


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None  # written by another version, or not there: as if nobody had said anything
