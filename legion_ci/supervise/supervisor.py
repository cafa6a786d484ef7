"""The supervisor's loop: one keeper a process, each in a thread, so that one that hangs keeps no other waiting."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Iterable
from pathlib import Path

from legion_ci.core.errors import OrderError
from legion_ci.core.lock import locked
from legion_ci.supervise import identity, logs
from legion_ci.supervise.keeper import Keeper
from legion_ci.supervise.records import Records

_LOOK_S, _SLOW_LOOK_S, _LOG_LOOK_S = 0.05, 0.2, 5.0
_CANNOT_S = 1.0  # pause after something that should not happen, such as a full disk


class Supervisor:
    """Looks after everything wanted in ``folder`` until it is told to stop; its children go on without it."""

    def __init__(self, folder: Path) -> None:
        self._records = Records(folder)
        self._keepers: dict[str, threading.Thread] = {}
        self._stop = threading.Event()

    def run(self) -> None:
        """Work; returns at once when somebody else looks after this folder."""
        try:
            with locked(self._records.lock, wait=False, what="this folder"):
                if me := identity.of(os.getpid()):
                    self._records.save_supervisor(me)
                self._loop()
        except OrderError:
            return

    def stop(self) -> None:
        """End the loop; children stay as they are."""
        self._stop.set()

    def _loop(self) -> None:
        seconds = 0.0
        while not self._stop.wait(_LOOK_S) and (self._records.folder.is_dir() or self._busy()):
            for name in self._records.names() - {n for n, t in self._keepers.items() if t.is_alive()}:
                thread = threading.Thread(target=self._keep, args=(name,), daemon=True, name=name)
                self._keepers[name] = thread
                thread.start()
            seconds += _LOOK_S
            if seconds >= _LOG_LOOK_S:
                seconds = 0.0
                self._bound_logs()

    def _busy(self) -> bool:
        return any(thread.is_alive() for thread in self._keepers.values())

    def _keep(self, name: str) -> None:
        keeper: Keeper | None = None
        while not self._stop.is_set():
            try:
                keeper = keeper or Keeper(self._records, name)
                if not keeper.step():
                    return
                self._stop.wait(_SLOW_LOOK_S if keeper.settled else _LOOK_S)
            except Exception:  # whatever goes wrong with one process, the others are still looked after
                traceback.print_exc()
                self._stop.wait(_CANNOT_S)

    def _bound_logs(self) -> None:
        for path in self._logs():
            logs.bound(path)

    def _logs(self) -> Iterable[Path]:
        yield self._records.log("supervisor")
        for name in self._records.names():
            yield self._records.log(name)
            if wanted := self._records.wanted(name):
                yield from (Path(p) for p in wanted.process.logs)
