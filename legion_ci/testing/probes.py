"""What contracts of running things ask of them: whether they live and what they answer."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping

import psutil

from legion_ci.results import Artefact, ModelRef


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def model_ref(name: str = "wine", version: str = "1") -> ModelRef:
    """A model that was never trained."""
    return ModelRef(name=name, version=version, artefact=Artefact(uri="file:///nowhere", digest="ab" * 32))


def kill(pid: int) -> None:
    """End a process at once and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not alive(pid))


def alive(pid: int) -> bool:
    """Whether a process runs (one that ended but was not fetched does not)."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def eventually(true: Callable[[], object], patience_s: float = 20.0) -> None:
    """Wait until something is so; how long that takes is not what is tested."""
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, "this never came true"
        time.sleep(0.02)


class Answer:
    """An HTTP answer: status, headers in lower case, body."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.body = status, body
        self.headers = {key.lower(): value for key, value in headers.items()}

    @property
    def told(self) -> dict[str, object]:
        """What the tiny server told."""
        return json.loads(self.body)  # type: ignore[no-any-return]

    @property
    def seen(self) -> dict[str, str]:
        """The headers that the tiny server saw."""
        return self.told["headers"]  # type: ignore[return-value]


def ask(url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
    """One request on a connection of its own; a refused connection is status 0."""
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return Answer(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, dict(error.headers), error.read())
    except OSError:
        return Answer(0, {}, b"")
