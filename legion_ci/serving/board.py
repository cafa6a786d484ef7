"""Counters that all worker processes of one server share: one row a process in a small mapped file."""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
from pathlib import Path
from typing import TypeAlias

Row: TypeAlias = "memoryview[float]"  # slot 0 holds the id of the process whose it is


class Board:
    """Rows of doubles; each process writes its own and reads all. Reads and writes of one slot are whole.

    inherited: the row was another process's, which died.
    """

    inherited = False

    def __init__(self, cells: Row, n_slots: int, row: int) -> None:
        self._rows = [cells[i : i + n_slots] for i in range(0, len(cells), n_slots)]
        self.own: Row = self._rows[row]
        self.own[0] = os.getpid()

    @classmethod
    def alone(cls, n_slots: int) -> Board:
        """The board of a server of one process."""
        return cls(memoryview(bytearray(8 * n_slots)).cast("d"), n_slots, 0)

    @classmethod
    def join(cls, path: Path, n_slots: int) -> Board:
        """Take the next free row of the file, or that of a process that died: what it has counted stays counted."""
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            cells = memoryview(mmap.mmap(file.fileno(), 0)).cast("d")
            owners = [int(cells[i]) for i in range(0, len(cells), n_slots)]
            row = owners.index(0) if 0 in owners else next(i for i, pid in enumerate(owners) if not _runs(pid))
            board = cls(cells, n_slots, row)
            board.inherited = owners[row] != 0
            fcntl.flock(file, fcntl.LOCK_UN)  # the map keeps the file open, and with it the lock
        return board

    @property
    def taken(self) -> list[Row]:
        """The rows of all processes that have joined."""
        return [row for row in self._rows if row[0]]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def create(n_rows: int, n_slots: int) -> Path:
    """A file for so many processes, which only this user may read."""
    descriptor, path = tempfile.mkstemp(prefix="legion-counters-")
    with os.fdopen(descriptor, "wb") as file:
        file.truncate(8 * n_rows * n_slots)
    return Path(path)
