"""Snapshots of what cannot be read twice alike: fetched once, named by digest and time, read by every process of a call.

A task asks for the data as they are at its start (``as_of``). The snapshot that counts is the first one that was begun at
that moment or at most ``expires`` before it: digest and table, in whatever process, mean the same rows.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import field_validator

from legion_ci.core.files import digest_bytes
from legion_ci.core.lock import locked
from legion_ci.core.site import Site
from legion_ci.settings.schema import DataSettings, Duration, PromoteSettings

_NAME = re.compile(r"(\d{20})-([0-9a-f]{64})")
_KEPT_S = 86400.0  # longer than a training that still reads it


class FetchedSettings(DataSettings):
    """expires: how old a copy of the rows may be when a task starts; 0: fetched by every task; never: once for all.

    as_of: the moment that the rows are of; found by the loader.
    """

    expires: Duration | Literal["never"] = 0.0
    as_of: float | None = None

    not_inputs: ClassVar[frozenset[str]] = frozenset({"expires", "as_of"})  # the digest says what the rows are

    @field_validator("expires", mode="wrap")
    @classmethod
    def _never(cls, value: object, other: Callable[[object], float]) -> float | str:
        return "never" if value == "never" else other(value)

    def at(self, site: Site, promote: PromoteSettings, folder: Path) -> DataSettings:
        """With the moment at which the configuration was loaded."""
        return self if self.as_of is not None else self.model_copy(update={"as_of": time.time()})


@dataclass(frozen=True)
class Snapshot:
    """A folder of files that nobody changes; begun: seconds since 1970."""

    folder: Path
    digest: str
    begun: float

    def files(self) -> list[Path]:
        """Its files in order."""
        return sorted(p for p in self.folder.iterdir() if p.is_file())


class Snapshots:
    """All snapshots of one data set; they live in the model repository's ``.legion/cache/data``."""

    def __init__(self, folder: Path, name: str, key: str) -> None:
        self._home = folder / ".legion" / "cache" / "data" / f"{name}-{digest_bytes(key.encode())[:16]}"

    def get(self, settings: FetchedSettings, fetch: Callable[[Path], str], as_of: float) -> Snapshot:
        """The snapshot that counts. fetch: fills an empty folder and returns the digest; called when there is none."""
        oldest = 0.0 if settings.expires == "never" else as_of - float(settings.expires)
        if found := self._first(oldest):
            return found
        with locked(self._home.with_name(self._home.name + ".lock"), what="the data set's copy"):
            return self._first(oldest) or self._fetch(fetch)

    def _first(self, oldest: float) -> Snapshot | None:
        return next((s for s in self._all() if s.begun >= oldest), None)

    def _all(self) -> list[Snapshot]:
        if not self._home.is_dir():
            return []
        named = ((p, _NAME.fullmatch(p.name)) for p in sorted(self._home.iterdir()))
        return [Snapshot(p, m[2], int(m[1]) / 1e9) for p, m in named if m]

    def _fetch(self, fetch: Callable[[Path], str]) -> Snapshot:
        self._home.mkdir(parents=True, exist_ok=True)
        begun = time.time_ns()
        made = Path(tempfile.mkdtemp(prefix=".making-", dir=self._home))
        try:
            digest = fetch(made)
            target = self._home / f"{begun:020d}-{digest}"
            made.rename(target)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        self._forget(begun / 1e9 - _KEPT_S)
        return Snapshot(target, digest, begun / 1e9)

    def _forget(self, before: float) -> None:
        """Old snapshots, and what a killed process left half-made; the newest stays."""
        for old in [s for s in self._all()[:-1] if s.begun < before]:
            shutil.rmtree(old.folder, ignore_errors=True)
        for left in self._home.glob(".making-*"):  # of killed processes: who makes one holds the lock
            shutil.rmtree(left, ignore_errors=True)
