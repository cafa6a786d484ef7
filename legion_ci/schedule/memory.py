"""The retrainings that started by themselves: the site remembers them, for cool-down and budget."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from legion_ci.core.errors import ToolError
from legion_ci.core.files import write_atomic
from legion_ci.core.lock import locked
from legion_ci.core.site import Site

SCHEMA_VERSION = 1
_KEPT = 1000


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """A retraining that began. at: seconds since 1970; build: of Jenkins."""

    at: float
    run: str
    why: str
    build: str = ""


class _Memory(msgspec.Struct, frozen=True, kw_only=True):
    schema_version: int = SCHEMA_VERSION
    starts: tuple[Start, ...] = ()


def _file(site: Site) -> Path:
    return site.path / "schedule.json"


def starts(site: Site) -> tuple[Start, ...]:
    """All that are remembered, in the order in which they began. Raises ToolError for a file that is none of ours."""
    path = _file(site)
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Memory).starts
    except FileNotFoundError:
        return ()
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        todo = "remove it: cool-down and budget begin anew then"
        raise ToolError(f"does not tell of retrainings ({error})", where=str(path), todo=todo) from None


def remember(site: Site, start: Start) -> None:
    """Add one; call it within ``deciding``. The same run again is one start."""
    known = tuple(s for s in starts(site) if s.run != start.run)
    kept = _Memory(starts=(*known, start)[-_KEPT:])
    write_atomic(_file(site), msgspec.json.format(msgspec.json.encode(kept), indent=1))


@contextlib.contextmanager
def deciding(site: Site) -> Iterator[None]:
    """One decision at a time: of two builds that ask, the second sees the first one's start."""
    with locked(site.locks / "schedule.lock", what="the schedule"):
        yield
