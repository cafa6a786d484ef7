"""Logs of supervised processes: the last lines for people, and a bound on their size.

``python -m legion_ci.supervise.logs FILE`` keeps a file bounded where no supervisor does, as beside a container.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

MAX_BYTES = 10 << 20
KEPT = 2  # older files beside the current one
_TAIL_BYTES = 16 << 10
_LOOK_S = 5.0


def tail(path: Path, lines: int = 15) -> tuple[str, ...]:
    """The last lines of a log; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ()
    return tuple(line for line in text.splitlines() if line.strip())[-lines:]


def bound(path: Path, max_bytes: int = MAX_BYTES) -> bool:
    """Copy a log that has grown too large aside and empty it in place.

    In place, because its writer outlives us and holds it open (for appending). Lines written between the copy and
    the cut are lost. Returns whether it was done.
    """
    try:
        if path.stat().st_size <= max_bytes:
            return False
        for number in range(KEPT, 1, -1):
            older = path.with_name(f"{path.name}.{number - 1}")
            if older.exists():
                older.replace(path.with_name(f"{path.name}.{number}"))
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        with path.open("r+b") as file:
            file.truncate(0)
    except OSError:
        return False  # a full disk: tried again at the next look
    return True


if __name__ == "__main__":
    while True:
        bound(Path(sys.argv[1]))
        time.sleep(_LOOK_S)
