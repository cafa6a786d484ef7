"""What the rest of legion-ci asks of the supervisor: run these, stop those, what runs?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from legion_ci.core.errors import Problem, ToolError
from legion_ci.core.lock import locked
from legion_ci.core.site import Site
from legion_ci.supervise import environment, identity, logs
from legion_ci.supervise.process import Actual, Phase, Process
from legion_ci.supervise.records import Records

_LOOK_S = 0.03
_START_TIMEOUT_S = 20.0
_SLACK_S = 10.0  # what a supervisor may need on a busy machine, besides a process' own time


def log(site: Site, name: str) -> Path:
    """Where a process' output is."""
    return Records(site.processes).log(name)


def running(site: Site) -> bool:
    """Whether somebody looks after the site's processes."""
    return identity.lives(Records(site.processes).supervisor())


def ensure_running(site: Site) -> None:
    """Start the site's supervisor unless there is one; it outlives us, our session and a Jenkins build."""
    if running(site):
        return
    records = Records(site.processes)
    with locked(site.locks / "supervisor-start.lock"):
        if running(site):
            return
        path = records.log("supervisor")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as out:
            # -P: the working directory is not searched for modules.
            subprocess.run(
                [sys.executable, "-P", "-m", "legion_ci.supervise", "--site", site.path.resolve()],
                env=environment.base(),
                cwd=site.path,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                close_fds=True,
                start_new_session=True,
                check=False,
            )
        if not _until(lambda: running(site), _START_TIMEOUT_S):
            raise ToolError("the supervisor did not start", where=str(path), todo=_quote(logs.tail(path)))


def apply(site: Site, wanted: Mapping[str, Process]) -> dict[str, Actual]:
    """Have these processes run (others are left alone); returns when all are ready.

    A process that runs as wanted already is not touched. Raises ToolError with the last lines of each that fails.
    """
    records = Records(site.processes)
    asked = {name: records.ask(process) for name, process in wanted.items()}
    ensure_running(site)
    patience_s = max((p.ready_timeout_s + p.stop_grace_s for p in wanted.values()), default=0) + _SLACK_S

    def decided() -> bool:
        ensure_running(site)  # it may be killed while we wait
        return all(_decided(records, name, mark) for name, mark in asked.items())

    _until(decided, patience_s)
    found = {name: records.actual(name) for name in wanted}
    problems = [
        _problem(name, records, actual)
        for name, actual in found.items()
        if actual is None or actual.phase is not Phase.READY or actual.asked != asked[name]
    ]
    if problems:
        raise ToolError(problems)
    return {name: actual for name, actual in found.items() if actual is not None}


def remove(site: Site, names: Iterable[str]) -> None:
    """Stop these processes, politely, and forget them; returns when they have ended."""
    records, leaving = Records(site.processes), sorted(set(names))
    known = {name: records.actual(name) for name in leaving}
    for name in leaving:
        records.drop(name)
    if any(actual and identity.lives(actual.identity) for actual in known.values()):
        ensure_running(site)
    if not running(site):
        for name in leaving:
            records.forget(name)
        return
    patience_s = max((a.process.stop_grace_s for a in known.values() if a), default=0) + _SLACK_S
    if not _until(lambda: not any(records.actual(name) for name in leaving), patience_s):
        left = ", ".join(name for name in leaving if records.actual(name))
        raise ToolError(f"{left} did not end within {patience_s:g} s", where=str(records.folder))


def observe(site: Site) -> dict[str, Actual]:
    """What is known of every wanted or known process; ``gone`` where it should run and nothing does."""
    records, looked_after = Records(site.processes), running(site)
    found = {}
    for name in sorted(records.names()):
        wanted, actual = records.wanted(name), records.actual(name)
        if actual is None and wanted is not None:
            actual = Actual(process=wanted.process, phase=Phase.WAITING if looked_after else Phase.GONE)
        if actual is not None:
            down = not looked_after and not identity.lives(actual.identity)
            found[name] = msgspec.structs.replace(actual, phase=Phase.GONE) if down else actual
    return found


def stop_all(site: Site) -> None:
    """Stop every process of the site, then its supervisor."""
    records = Records(site.processes)
    remove(site, records.names())
    supervisor = records.supervisor()
    if supervisor is not None and identity.lives(supervisor):
        os.kill(supervisor.pid, signal.SIGTERM)
        _until(lambda: not identity.lives(supervisor), _SLACK_S)


def _decided(records: Records, name: str, asked: str) -> bool:
    """Ready or failed as asked, or asked for by somebody else meanwhile."""
    wanted, actual = records.wanted(name), records.actual(name)
    if wanted is None or wanted.asked != asked:
        return True
    return actual is not None and actual.asked == asked and actual.phase in (Phase.READY, Phase.FAILED)


def _problem(name: str, records: Records, actual: Actual | None) -> Problem:
    wanted = records.wanted(name)
    phase = actual.phase if actual else "not started"
    what = f"{name} is {phase}" if wanted else f"{name} was removed meanwhile"
    last = actual.last if actual and actual.last else logs.tail(records.log(name))
    return Problem(f"{what}{_quote(last)}", where=str(records.log(name)))


def _quote(lines: Iterable[str]) -> str:
    return "".join(f"\n  | {line}" for line in lines)


def _until(done: Callable[[], bool], patience_s: float) -> bool:
    """Look again and again; False when the patience ends first."""
    end = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(_LOOK_S)
    return True
