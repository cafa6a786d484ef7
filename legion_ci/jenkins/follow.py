"""A build from the queue to its end: waits for it to start, tells its console as it grows, ends when Jenkins says so."""

from __future__ import annotations

import codecs
import contextlib
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from legion_ci.core.errors import LegionError, ServiceError
from legion_ci.core.progress import Progress
from legion_ci.jenkins.server import Server

Clock = Callable[[], float]


@dataclass(frozen=True)
class Waiting:
    """How long to wait, and how often to ask at most, all in seconds; the first looks follow each other more closely."""

    queue_s: float = 1800.0
    build_s: float = 86400.0
    every_s: float = 2.0
    clock: Clock = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def pause(self, looks: int) -> None:
        """Wait before the next look, longer after each, up to ``every_s``."""
        self.sleep(min(self.every_s, 0.1 * 1.5 ** min(looks, 20)))


@dataclass(frozen=True)
class Build:
    """A build that has ended. result: Jenkins' word, SUCCESS, UNSTABLE, FAILURE, ABORTED or NOT_BUILT."""

    job: str
    number: int
    url: str
    result: str
    artefacts: tuple[str, ...] = ()


def started(server: Server, item: int, waiting: Waiting, progress: Progress) -> int:
    """The number of the build that a queue item becomes.

    Raises ServiceError when somebody cancels it, the server forgets it, or it has not started in time; then it is
    taken out of the queue, so that nothing starts that nobody waits for.
    """
    until, why = waiting.clock() + waiting.queue_s, ""
    for looks in itertools.count():
        told = server.queued(item)
        if told is None:
            raise ServiceError(
                f"queue item {item} is gone", where=server.address.url, todo="look at the job's builds in Jenkins"
            )
        if told.get("cancelled"):
            raise ServiceError(
                f"queue item {item} was cancelled", where=server.address.url, todo="start the build again"
            )
        if number := (told.get("executable") or {}).get("number"):
            return int(number)
        if why != (why := str(told.get("why") or "")) and why:
            progress.say(f"waiting: {why}")
        if waiting.clock() >= until:
            raise _never(server, item, waiting.queue_s, why, bool(told.get("stuck")))
        waiting.pause(looks)
    raise AssertionError("the looks never end")


def _never(server: Server, item: int, waited_s: float, why: str, stuck: bool) -> ServiceError:
    try:
        server.cancel(item)
        done = "it was taken out of the queue"
    except LegionError as error:
        done = f"it is still queued ({error.problems[0].what})"
    todo = (
        "start an agent with that label"
        if stuck or "agent" in why or "nodes" in why
        else "raise jenkins.queue_timeout, or look at Jenkins"
    )
    return ServiceError(
        f"the build did not start within {waited_s:g} s: {why or 'Jenkins does not say why'}; {done}",
        where=server.address.url,
        todo=todo,
    )


def followed(server: Server, job: str, number: int, waiting: Waiting, tell: Callable[[str], None]) -> Build:
    """Tell the console of a build until it has ended. Raises ServiceError when it goes on for too long; it is not stopped."""
    until, at, more = waiting.clock() + waiting.build_s, 0, True
    decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a character may be cut by the offset
    for looks in itertools.count():
        text, at, more = _console(server, job, number, at)
        tell(decoder.decode(text))
        if not more and not (told := server.build(job, number)).get("building") and told.get("result"):
            tell(decoder.decode(b"", final=True))
            return ended(job, told)
        if waiting.clock() >= until:
            raise ServiceError(
                f"{job} #{number} is not done after {waiting.build_s:g} s; it goes on", where=server.address.url,
                todo=f"raise jenkins.build_timeout, or legion-ci jenkins.reports --build {number} later",
            )  # fmt: skip
        waiting.pause(looks)
    raise AssertionError("the looks never end")


def _console(server: Server, job: str, number: int, at: int) -> tuple[bytes, int, bool]:
    """The next piece; a server that is out of reach for a moment is asked again by the caller."""
    with contextlib.suppress(ServiceError):
        return server.console(job, number, at)
    return b"", at, True


def ended(job: str, told: dict[str, Any]) -> Build:
    """What the server tells of a build that has ended."""
    files = tuple(str(a["relativePath"]) for a in told.get("artifacts", ()))
    return Build(job, int(told["number"]), str(told.get("url", "")), str(told.get("result") or ""), files)
