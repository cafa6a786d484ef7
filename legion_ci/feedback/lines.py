"""Files of JSON lines that are only appended to: whole lines or nothing, also on a full disk and after a kill."""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from legion_ci.feedback import access

_MOST_OPEN = 64


class LineFiles:
    """Appends lines to many files; each file has one writer at a time. Not safe for several threads."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, int] = OrderedDict()

    def append(self, path: Path, lines: Sequence[bytes], *, durable: bool = False) -> None:
        """Append ``lines`` (without line ends); on OSError nothing of them stays.

        durable: return only when they are on the disk.
        """
        data = b"".join(line + b"\n" for line in lines)
        while not self._appended(path, data, durable):
            self._close(path)  # it was frozen meanwhile: a new file takes its place

    def _appended(self, path: Path, data: bytes, durable: bool) -> bool:
        """Whether the data went to the file that has that name now."""
        fd = self._descriptor(path, durable)
        try:
            with access.appending(fd):
                if not _is_at(fd, path):
                    return False
                _put(fd, data, durable)
        except OSError:
            self._close(path)
            raise
        return True

    def close(self) -> None:
        """Close every file."""
        for path in list(self._open):
            self._close(path)

    def _descriptor(self, path: Path, durable: bool) -> int:
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        while len(self._open) >= _MOST_OPEN:
            self._close(next(iter(self._open)))
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._open[path] = fd
        _end_torn_line(fd)
        if durable:
            _sync_folder(path.parent)
        return fd

    def _close(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            os.close(self._open.pop(path))


def _put(fd: int, data: bytes, durable: bool) -> None:
    before = os.fstat(fd).st_size
    try:
        _write(fd, data)
        if durable:
            os.fsync(fd)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(fd, before)
        raise


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _end_torn_line(fd: int) -> None:
    """A writer that was killed in the middle of a line must not spoil the next one."""
    size = os.fstat(fd).st_size
    if size and os.pread(fd, 1, size - 1) != b"\n":
        _write(fd, b"\n")


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    for each in (folder, *list(folder.parents)[:6]):  # down from model_log: all of them may be new
        fd = os.open(each, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
