"""Runs a program and ends it, with everything that it started, when whoever waits for it is gone.

``python -m legion_ci.train.leash PARENT PROGRAM ARGUMENTS…``. A training that was killed must not go on writing: another
run makes the same folders anew. On Linux what the program's children leave behind comes to us, so it is found too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

_LOOK_S = 0.2
_GRACE_S = 3.0
_PR_SET_CHILD_SUBREAPER = 36
TAKEN_DOWN = 143


def words(program: Sequence[str | Path]) -> list[str | Path]:
    """The command line that runs ``program`` on a leash held by this process."""
    return [sys.executable, "-m", "legion_ci.train.leash", str(os.getpid()), *program]


def main(arguments: list[str]) -> int:
    """The program's exit status (negative signals as 128 + n); 143 when it was ended from here."""
    parent, program = int(arguments[0]), arguments[1:]
    _adopt_orphans()
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: over.set())
    signal.signal(signal.SIGINT, _ignored)  # Ctrl-C reaches the program itself, or our parent ends us
    try:
        child = subprocess.Popen(program, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"{program[0]} cannot be started ({error})\n")
        return 127
    while child.poll() is None and not over.is_set() and os.getppid() == parent:
        try:
            child.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            continue
    ended = child.poll()
    _end_all()
    if ended is None:
        return TAKEN_DOWN
    return ended if ended >= 0 else 128 - ended


def _ignored(_number: int, _frame: FrameType | None) -> None:
    """A handler that is not inherited, as SIG_IGN would be."""


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_all() -> None:
    """End everything below this process, politely, then for good; what it starts meanwhile too."""
    import psutil

    for end in (psutil.Process.terminate, psutil.Process.kill, psutil.Process.kill):
        found = psutil.Process().children(recursive=True)
        for process in found:
            try:
                end(process)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(found, timeout=_GRACE_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
