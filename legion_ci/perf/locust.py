"""Runs Locust, headless, in a process of its own that ends with us, and tells how the load goes."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.core.files import write_atomic
from legion_ci.core.shell import end_group
from legion_ci.core.tools import Tools
from legion_ci.perf.histogram import quantile_us
from legion_ci.perf.log import STATUS, TICKS, Status, read_status, read_ticks
from legion_ci.perf.plan import Plan

_TELL_S = 5.0
_POLL_S = 0.1
_START_S = 120.0  # importing Locust and the locustfile on a slow machine
_END_S = 30.0
_LAST_LINES = 15
_LISTENER = '"""Added by legion-ci: records the load."""\n\nfrom legion_ci.perf.listener import listen\n\nlisten()\n'


def load(plan: Plan, locustfile: Path, cwd: Path, tools: Tools) -> Status:
    """Run the plan with the locustfile; returns the generator's account, everything else is in the plan's folder.

    Raises ConfigurationError for a locustfile without users, a plan that was refused, or one that loads another host;
    ToolError with file, line and last lines when the locustfile or Locust fails, or does not end.
    """
    check_syntax(locustfile)
    write_atomic(plan.file("plan.json"), msgspec.json.encode(plan))
    write_atomic(plan.file("legion_listener.py"), _LISTENER)
    log = plan.file("locust.log")
    with log.open("wb") as output:
        child = subprocess.Popen(
            _command(plan, locustfile),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(plan),
            start_new_session=True,
            text=True,
        )
        try:
            _watch(child, plan, tools)
        finally:  # an error or Ctrl-C: nothing of ours goes on running
            if child.poll() is None:
                end_group(child)
    return _account(plan, child.returncode, locustfile, tools.secrets.redact(log.read_text(errors="replace")))


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


def _command(plan: Plan, locustfile: Path) -> list[str]:
    files = [str(locustfile), str(plan.file("legion_listener.py"))]
    if commas := [f for f in files if "," in f]:
        raise ConfigurationError("Locust cannot read a path with a comma", where=commas[0], todo="rename the folder")
    users = str(plan.users)
    return [
        sys.executable,
        "-m",
        "locust",
        "-f",
        ",".join(files),
        "--headless",
        "--host",
        plan.host,
        "--users",
        users,
        "--spawn-rate",
        users,
        "--stop-timeout",
        str(math.ceil(plan.drain_s)),
        "--only-summary",
        "--exit-code-on-error",
        "0",
    ]


def _environment(plan: Plan) -> dict[str, str]:
    return {**os.environ, "LEGION_PERF_PLAN": str(plan.file("plan.json")), "PYTHONUNBUFFERED": "1"}


def _watch(child: subprocess.Popen[str], plan: Plan, tools: Tools) -> None:
    begun, told = time.monotonic(), time.monotonic()
    deadline = begun + _START_S + plan.duration_s + 2 * plan.drain_s + _END_S
    follower = Follower(plan.file(TICKS))
    while child.poll() is None:
        if time.monotonic() > deadline:
            raise ToolError(
                f"Locust did not end within {deadline - begun:.0f} s and was stopped",
                where=str(plan.file("locust.log")),
            )
        if time.monotonic() - told >= _TELL_S:
            told = time.monotonic()
            tools.progress.say(follower.line())
        time.sleep(_POLL_S)


class Follower:
    """Reads the run's log while it grows, for one line of progress at a time."""

    def __init__(self, ticks: Path) -> None:
        self._ticks, self._offset = ticks, 0
        self._latencies: Counter[int] = Counter()
        self._requests = self._errors = 0

    def line(self) -> str:
        """How it goes: requests, errors and the 99th percentile so far."""
        if self._ticks.exists():
            for tick, offset in read_ticks(self._ticks, self._offset):
                self._offset = offset
                failed = sum(tick.failed.values())
                self._latencies.update(tick.answered)
                self._requests += sum(tick.answered.values()) + failed
                self._errors += failed
        if not self._latencies:
            return f"… load: {self._requests} requests, {self._errors} errors"
        p99_ms = quantile_us(self._latencies, 0.99) / 1000
        return f"… load: {self._requests} requests, {self._errors} errors, p99 {p99_ms:.3g} ms so far"


def _account(plan: Plan, code: int, locustfile: Path, log: str) -> Status:
    status = read_status(plan.file(STATUS))
    if status and status.open_users and plan.refused:
        raise ConfigurationError(plan.refused)
    if status and status.foreign:
        raise ConfigurationError(
            f"loads {status.foreign}, which is not the deployment under test; the load was stopped",
            where=str(locustfile),
            todo="use paths such as /api/model/invoke, not whole addresses",
        )
    if status and status.finished:
        return status
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
