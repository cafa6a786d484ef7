"""Runs Locust, headless, in a process of its own that ends with us, and tells how the load goes."""

from __future__ import annotations

import json
import math
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.core.files import write_atomic
from legion_ci.core.shell import end_group
from legion_ci.core.tools import Tools
from legion_ci.perf.histogram import quantile_us
from legion_ci.perf.log import STATUS, TICK_S, TICKS, Status, read_status, read_ticks
from legion_ci.perf.plan import ABORT, Plan
from legion_ci.perf.purpose import HEADERS, purpose

_POLL_S = 0.1
_START_S = 120.0  # importing Locust and the locustfile on a slow machine
_END_S = 30.0
_WORKERS_END_S = 10.0
_LAST_LINES = 15
_LISTENER = '"""Added by legion-ci: records the load."""\n\nfrom legion_ci.perf.listener import listen\n\nlisten()\n'


def load(plan: Plan, locustfile: Path, cwd: Path, tools: Tools, watchdog: Watchdog | None = None) -> Status:
    """Run the plan with the locustfile; returns the generator's account, everything else is in the plan's folder.

    watchdog: looks at the log now and then and names the budget for which the load shall stop early. Raises
    ConfigurationError for a locustfile without users, a plan that was refused, or one that loads another host;
    ToolError with file, line and last lines when the locustfile or Locust fails, or does not end.
    """
    check_syntax(locustfile)
    write_atomic(plan.file("plan.json"), msgspec.json.encode(plan))
    write_atomic(plan.file("legion_listener.py"), _LISTENER)
    log = plan.file("locust.log")
    environment = {**_environment(plan), HEADERS: json.dumps(_headers(plan, tools))}
    with log.open("wb") as output:
        children: list[subprocess.Popen[str]] = []
        try:
            for command in _commands(plan, locustfile):
                children.append(
                    subprocess.Popen(
                        command,
                        cwd=cwd,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        env=environment,
                        start_new_session=True,
                        text=True,
                    )
                )
            _watch(children[0], plan, tools, watchdog)
            _end_workers(children[1:] if children[0].poll() is not None else ())
        finally:  # an error or Ctrl-C: nothing of ours goes on running
            for child in children:
                if child.poll() is None:
                    end_group(child)
    return _account(plan, children[0].returncode, locustfile, tools.secrets.redact(log.read_text(errors="replace")))


def _headers(plan: Plan, tools: Tools) -> dict[str, str]:
    """What every request carries: the mark, and the JWT from where the settings say it is."""
    token = tools.secrets.resolve(plan.token, "perf.token") if plan.token else ""
    return {**purpose(plan), **({"authorization": f"Bearer {token}"} if token else {})}


def _end_workers(workers: Sequence[subprocess.Popen[str]]) -> None:
    """Workers end when their master does."""
    deadline = time.monotonic() + _WORKERS_END_S
    while any(w.poll() is None for w in workers) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def check_syntax(locustfile: Path) -> None:
    """Raise ConfigurationError with file, line and column when the locustfile is not Python."""
    try:
        compile(locustfile.read_bytes(), str(locustfile), "exec")
    except (SyntaxError, ValueError) as error:
        line, column = getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1
        message = getattr(error, "msg", None) or str(error)
        raise ConfigurationError(
            f"is not Python ({message})", where=f"{locustfile}:{line}:{column}", todo="correct it"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read ({error.strerror})", where=str(locustfile), todo="correct perf.locustfile"
        ) from error


def _commands(plan: Plan, locustfile: Path) -> list[list[str]]:
    """One process; or a master, first, and its workers on this machine."""
    files = [str(locustfile), str(plan.file("legion_listener.py"))]
    if commas := [f for f in files if "," in f]:
        raise ConfigurationError("Locust cannot read a path with a comma", where=commas[0], todo="rename the folder")
    start = [sys.executable, "-m", "locust", "-f", ",".join(files), "--host", plan.host]
    lead = [*start, "--headless", *_users(plan), "--only-summary", "--exit-code-on-error", "0"]
    if not plan.processes and not plan.expect_workers:
        return [lead]
    port = str(plan.port or free_port())
    bind = "*" if plan.workers_from else "127.0.0.1"  # nobody else is let in unless the settings name them
    expected = str(plan.processes + plan.expect_workers)
    master = ["--master", "--master-bind-host", bind, "--master-bind-port", port, "--expect-workers", expected]
    worker = [*start, "--worker", "--master-host", "127.0.0.1", "--master-port", port]
    patience = ["--expect-workers-max-wait", f"{_START_S:.0f}"]
    return [[*lead, *master, *patience], *[worker] * plan.processes]


def _users(plan: Plan) -> list[str]:
    return ["--users", str(plan.users), "--spawn-rate", f"{plan.hatch_rate or plan.users:g}",
            "--stop-timeout", str(math.ceil(plan.drain_s))]  # fmt: skip


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(plan: Plan) -> dict[str, str]:
    return {**os.environ, "LEGION_PERF_PLAN": str(plan.file("plan.json")), "PYTHONUNBUFFERED": "1"}


def _watch(child: subprocess.Popen[str], plan: Plan, tools: Tools, watchdog: Watchdog | None) -> None:
    begun = looked = time.monotonic()
    deadline = begun + _START_S + plan.duration_s + 2 * plan.drain_s + _END_S
    follower = Follower(plan)
    while child.poll() is None:
        now = time.monotonic()
        if now > deadline:
            raise ToolError(
                f"Locust did not end within {deadline - begun:.0f} s and was stopped",
                where=str(plan.file("locust.log")),
            )
        if plan.expect_workers and (status := read_status(plan.file(STATUS))) and status.stranger:
            return
        tools.progress.live(follower.line)
        if watchdog and now - looked >= watchdog.every_s:
            looked = now
            if why := watchdog.look():
                tools.progress.say(f"stopping early: {why}")
                write_atomic(plan.file(ABORT), why)
                watchdog = None
        time.sleep(_POLL_S)
    tools.progress.live_end()


class Watchdog(Protocol):
    """Looks at the log of a load that is under way."""

    every_s: float

    def look(self) -> str:
        """Why the load shall stop; "" when it shall go on."""


class Follower:
    """Reads the run's log while it grows, for one line of progress at a time."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._ticks, self._offset = plan, plan.file(TICKS), 0
        self._latencies: Counter[int] = Counter()
        self._requests = self._errors = 0
        self._seconds = 0.0

    def line(self) -> str:
        """How it goes: time, requests, errors and the 99th percentile so far."""
        if self._ticks.exists():
            for tick, offset in read_ticks(self._ticks, self._offset):
                self._offset = offset
                failed = sum(tick.failed.values())
                self._latencies.update(tick.answered)
                self._requests += sum(tick.answered.values()) + failed
                self._errors += failed
                self._seconds = max(self._seconds, (tick.tick + 1) * TICK_S)
        told = f"… load: {self._seconds:.0f} of {self._plan.duration_s:g} s, {self._requests} requests, {self._errors} errors"
        if not self._latencies:
            return told
        return f"{told}, p99 {quantile_us(self._latencies, 0.99) / 1000:.3g} ms so far"


def _account(plan: Plan, code: int | None, locustfile: Path, log: str) -> Status:
    status = read_status(plan.file(STATUS))
    if status and status.open_users and plan.refused:
        raise ConfigurationError(plan.refused)
    if status and status.stranger:
        raise ConfigurationError(
            f"a worker from {status.stranger} wanted to take part, which is not named; the load was not started",
            where="perf.workers_from",
            todo=f"add {status.stranger} if that machine may take part",
        )
    if status and status.foreign:
        raise ConfigurationError(
            f"loads {status.foreign}, which is not the deployment under test; the load was stopped",
            where=str(locustfile),
            todo="use paths such as /api/model/invoke, not whole addresses",
        )
    if status and status.finished:
        return status
    if status and status.lost:
        raise ToolError(f"no worker of {status.workers} told its end:\n{_tail(log)}", where=_place(log, locustfile))
    if "No User class found" in log:
        raise ConfigurationError(
            "defines no Locust user",
            where=str(locustfile),
            todo="add a class derived from legion_ci.perf.user.ModelUser or locust.HttpUser, with a task",
        )
    raise ToolError(
        f"Locust ended with status {code}:\n{_tail(log)}",
        where=_place(log, locustfile),
        todo="correct the locustfile",
    )


def _place(log: str, locustfile: Path) -> str:
    """The last place inside the locustfile that a traceback names."""
    lines = re.findall(rf'File "(?:[^"]*/)?{re.escape(locustfile.name)}", line (\d+)', log)
    return f"{locustfile}:{lines[-1]}" if lines else str(locustfile)


def _tail(log: str) -> str:
    return "\n".join(f"  | {line}" for line in log.rstrip().splitlines()[-_LAST_LINES:])
