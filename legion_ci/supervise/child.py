"""One child process as the operating system sees it: started in a session of its own, or adopted."""

from __future__ import annotations

import signal
import subprocess

from legion_ci.supervise import environment, identity, logs
from legion_ci.supervise.identity import Identity
from legion_ci.supervise.process import Process
from legion_ci.supervise.records import Records


class Child:
    """The running process of ``name``, if there is one.

    One that an earlier supervisor started is adopted: by what was written down, else by the mark in its environment.
    """

    def __init__(self, records: Records, name: str, known: Identity | None) -> None:
        self._records, self._name = records, name
        self._mark = records.mark(name)
        self._popen: subprocess.Popen[bytes] | None = None
        self.identity = known if identity.lives(known) else identity.leader(self._mark)

    def lives(self) -> bool:
        """Whether it runs now."""
        if self._popen is not None:
            return self._popen.poll() is None
        return identity.lives(self.identity)

    def start(self, process: Process) -> str:
        """Start it; returns what kept it from starting, empty when it started."""
        log = self._records.log(self._name)
        env = {**environment.base(), **process.env, **self._records.environment(self._name)}
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as out:
                self._popen = subprocess.Popen(
                    process.command,
                    env=env,
                    cwd=process.cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    close_fds=True,
                )
        except OSError as error:
            self._popen, self.identity = None, None
            return f"could not be started ({error.strerror or error}: {error.filename or process.command[0]})"
        self.identity = identity.of(self._popen.pid)
        return ""

    def signal(self, sign: signal.Signals) -> None:
        """Signal it and everything in its group; nothing when it has ended."""
        if self.identity is not None and self.lives():
            identity.signal_group(self.identity, sign)

    def sweep(self) -> None:
        """End what a dead child left running."""
        if not self.lives():
            identity.sweep(self._mark)

    def last_lines(self) -> tuple[str, ...]:
        """What it said last."""
        return logs.tail(self._records.log(self._name))

    def end(self) -> str:
        """How it ended, for people."""
        status = self._popen.returncode if self._popen else None
        if status is None:
            return "ended"
        if status < 0:
            return f"was ended by {signal.Signals(-status).name}"
        return f"ended with status {status}"
