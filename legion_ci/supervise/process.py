"""What a supervised process is: what is wanted of it, and what is known about it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from legion_ci.core.files import digest_bytes
from legion_ci.supervise.identity import Identity


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A program that should run.

    env: all that it gets besides the few variables of ``environment.base``. health: what says that it is ready:
    ``http://host:port/path``, ``http+unix://<quoted socket path>/path`` or ``tcp://host:port``; None: that it lives.
    logs: files that it writes itself, kept from growing for ever.
    """

    name: str
    command: tuple[str, ...]
    env: dict[str, str] = {}
    cwd: str | None = None
    health: str | None = None
    ready_timeout_s: float = 60.0
    stop_grace_s: float = 10.0
    logs: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """Digest of what a running process would have to be restarted for.

        The program's own path does not count: the same program in another build's environment is the same.
        """
        facts = [
            *self.command[1:],
            "",
            self.cwd or "",
            self.health or "",
            *(f"{k}={v}" for k, v in sorted(self.env.items())),
        ]
        return digest_bytes("\0".join(facts).encode())[:16]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A process that a client asked for; ``asked`` differs for every call, so that asking again ends a back-off."""

    process: Process
    asked: str


class Phase(StrEnum):
    """Where a process is in its life."""

    STARTING = "starting"
    READY = "ready"
    UNHEALTHY = "unhealthy"
    WAITING = "waiting"  # died; started again after a pause
    FAILED = "failed"  # keeps dying; tried again now and then
    STOPPING = "stopping"
    GONE = "gone"  # should run, but nobody looks after it: after a reboot, or the supervisor was killed


class Actual(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor knows. since: seconds since the epoch of the phase's start. last: lines of its log."""

    process: Process
    phase: Phase
    asked: str = ""
    identity: Identity | None = None
    restarts: int = 0
    failures: int = 0
    since: float = 0.0
    last: tuple[str, ...] = ()
