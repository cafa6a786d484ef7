"""Who may touch a feedback store's files when: readers together, what takes files away alone, writers file by file.

Locks are the system's (``flock``): they end with their holder, however it ends.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from legion_ci.core.errors import ToolError

if os.name == "posix":
    import fcntl

    def _flock(fd: int, alone: bool) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)
else:  # pragma: no cover - Windows: nothing is ever taken away there (see ``alone``)

    def _flock(fd: int, alone: bool) -> None:
        return

    def _unlock(fd: int) -> None:
        return


_LOCK = ".readers.lock"


@contextlib.contextmanager
def reading(store: Path) -> Iterator[None]:
    """No file is taken away for the time of the block. A store that cannot be written to is read without a lock."""
    fd = _open(store)
    try:
        if fd is not None:
            _flock(fd, alone=False)
        yield
    finally:
        if fd is not None:
            os.close(fd)


@contextlib.contextmanager
def alone(store: Path) -> Iterator[None]:
    """Wait until nobody reads, and let nobody read for the time of the block: for renames and removals only."""
    if os.name != "posix":  # pragma: no cover
        raise ToolError(
            "days cannot be closed or removed on this system", where=str(store), todo="do it on Linux or macOS"
        )
    fd = _open(store)
    if fd is None:
        raise ToolError("the feedback store cannot be written to", where=str(store), todo="see who owns it")
    try:
        _flock(fd, alone=True)
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def appending(fd: int) -> Iterator[None]:
    """A writer holds its file while it appends."""
    _flock(fd, alone=False)
    try:
        yield
    finally:
        _unlock(fd)


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """No writer appends to the file for the time of the block."""
    fd = os.open(path, os.O_RDONLY)
    try:
        _flock(fd, alone=True)
        yield
    finally:
        os.close(fd)


def _open(store: Path) -> int | None:
    try:
        return os.open(store / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        pass
    try:
        return os.open(store / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
