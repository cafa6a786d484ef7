"""File locks that die with their holder and tell who holds them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from legion_ci.core.errors import OrderError
from legion_ci.core.files import unwritable

if os.name == "posix":
    import fcntl

    def _take(fd: int, wait: bool) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
else:  # pragma: no cover - Windows
    import msvcrt

    def _take(fd: int, wait: bool) -> None:
        os.lseek(fd, 1 << 30, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True, what: str = "") -> Iterator[None]:
    """Hold the lock at ``path`` for the block. The system frees it when the holder dies, however it dies.

    wait: wait for the holder, else raise OrderError that names its pid, host and start. what: what is locked, for people.
    Raises ToolError when the lock file cannot be written.
    """
    fd = _open(path)
    try:
        try:
            _take(fd, wait)
        except OSError as error:
            raise OrderError(
                f"{what or path.name} is in use{_holder(fd)}", where=str(path), todo="wait for it to end, or end it"
            ) from error
        _sign(fd, path)
        try:
            yield
        finally:
            os.ftruncate(fd, 0)  # also after an error: whoever got here let go in order
    finally:
        os.close(fd)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unwritable(path, error) from error


def _sign(fd: int, path: Path) -> None:
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(holder).encode(), 0)
    except OSError as error:
        raise unwritable(path, error) from error


def _holder(fd: int) -> str:
    try:
        told = json.loads(os.pread(fd, 4096, 0))
        return f" by process {told['pid']} on {told['host']} since {told['since']}"
    except (ValueError, KeyError, OSError):
        return ""


def left_by_dead(path: Path) -> str:
    """What a holder that died without letting go left written in the lock file; empty when it ended in order."""
    try:
        told = json.loads(path.read_bytes())
        return f"process {told['pid']} on {told['host']}, started {told['since']}"
    except (OSError, ValueError, KeyError):
        return ""
