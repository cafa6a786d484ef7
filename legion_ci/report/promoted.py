"""What the last promoted build was: the site remembers it, since a Jenkins workspace is fresh every time."""

from __future__ import annotations

from pathlib import Path

import msgspec

from legion_ci.core.files import write_atomic

FILE = "promoted.json"
SCHEMA_VERSION = 1
_KEPT = 2  # the newest, and the one before it: a report of the newest is compared with that


class Promoted(msgspec.Struct, frozen=True, kw_only=True):
    """A promoted build. cases: key -> outcome of all that was asked; facts: what it was made of; figures: what was measured."""

    run: str
    model: str
    at: str
    build: str = ""
    cases: dict[str, str] = {}
    facts: dict[str, str] = {}
    figures: dict[str, float] = {}


class _Memory(msgspec.Struct, frozen=True, kw_only=True):
    schema_version: int = SCHEMA_VERSION
    builds: tuple[Promoted, ...] = ()


def before(memory: Path, run: str) -> Promoted | None:
    """The last promoted build that is not this run; None when none is remembered or the memory cannot be read."""
    return next((b for b in _read(memory) if b.run != run), None)


def remember(memory: Path, build: Promoted) -> None:
    """Put a build at the front. Raises ToolError when the site cannot be written."""
    others = [b for b in _read(memory) if b.run != build.run]
    kept = _Memory(builds=(build, *others)[:_KEPT])
    write_atomic(memory, msgspec.json.format(msgspec.json.encode(kept), indent=1))


def _read(memory: Path) -> tuple[Promoted, ...]:
    try:
        return msgspec.json.decode(memory.read_bytes(), type=_Memory).builds
    except (OSError, msgspec.DecodeError):
        return ()
