"""``legion-ci serve``: the server alone, for development, on a trained model or a folder, started anew when it changes."""

from __future__ import annotations

import contextlib
import http.client
import json
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from legion_ci import runs
from legion_ci.core import environments
from legion_ci.core.errors import ConfigurationError, OrderError, ToolError
from legion_ci.core.tools import Tools
from legion_ci.results import TrainResult
from legion_ci.serving import artefact
from legion_ci.settings.load import FILE, load
from legion_ci.store import artefacts

_LOOK_S = 0.5
_STOP_S = 60.0


@dataclass(frozen=True)
class Target:
    """What is served. stamp: differs when any file of the folder does."""

    folder: Path
    python: str
    what: str
    stamp: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Source:
    """Where the model comes from: a folder that was told, else the newest trained run of the repository."""

    tools: Tools
    model: str
    settings: str
    sets: Sequence[str]
    run: str

    def now(self) -> Target:
        """The model as it is now; raises OrderError when there is none yet."""
        if self.model:
            return self._target(Path(self.model).resolve(), f"the folder {self.model}", ())
        loaded = load(Path(self.settings or FILE), self.sets)
        found = runs.existing(loaded.folder)
        if self.run:
            found = [r for r in found if r.id == self.run]
        for run in reversed(found):
            trained = cast("TrainResult | None", run.result("train"))
            if trained is not None:
                folder = artefacts.fetch(trained.model.artefact, self.tools)
                return self._target(
                    folder, f"{trained.model.version} of run {run.id}", loaded.settings.distribution.find_links
                )
        where = f"run {self.run}" if self.run else str(runs.home(loaded.folder))
        raise OrderError(
            "there is no trained model", where=where, todo="run legion-ci train first, or name a folder with --model"
        )

    def _target(self, folder: Path, what: str, find_links: Sequence[str]) -> Target:
        artefact.read(folder, digest="unknown")
        lock = folder / "legion_model" / "requirements.lock"
        python = environments.ensure(lock, self.tools, find_links) if lock.is_file() else Path(sys.executable)
        return Target(folder, str(python), what, _stamp(folder))


def serve(tools: Tools, model: str, port: str, reload: bool, settings: str, sets: Sequence[str], run: str) -> int:
    """Serve until Ctrl-C; returns the exit code."""
    number = _port(port)
    source = Source(tools, model, settings, sets, run)
    target = source.now()
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            with _server(target, number) as process:
                _told(target, number, process)
                target = _changed(source, target, process, reload)
                print(f"changed: serving {target.what} instead", flush=True)
    print("stopped", flush=True)
    return 0


def _changed(source: Source, served: Target, process: subprocess.Popen[bytes], reload: bool) -> Target:
    """Wait until there is something else to serve; raises ToolError when the server ends by itself."""
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(_LOOK_S)
            if not reload or status in (0, -signal.SIGINT):
                raise ToolError(f"the server ended with status {status}", where="serve", todo="its last lines say why")
        if not reload:
            continue
        with contextlib.suppress(OrderError, ConfigurationError, OSError):  # files that are being written
            found = source.now()
            if (found.folder, found.stamp) != (served.folder, served.stamp):
                return found


def _told(target: Target, port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until it is ready, then say what is served and how to ask it."""
    while not _ready(port):
        if process.poll() is not None:
            return
        time.sleep(0.05)
    print(f"serving {target.what} at http://127.0.0.1:{port}; Ctrl-C ends it\n{curl(target.folder, port)}", flush=True)


def curl(folder: Path, port: int) -> str:
    """The line that asks the server for a prediction of the model's own sample."""
    try:
        sample = json.loads((folder / "legion_model" / "head_input.json").read_text())
        body = json.dumps({"columns": sample["columns"], "data": sample["data"][:1]})
    except (OSError, ValueError, KeyError):
        return f"curl -s http://127.0.0.1:{port}/api/model/info"
    return (
        f"curl -s http://127.0.0.1:{port}/api/model/invoke -H 'Content-Type: application/json' -d {shlex.quote(body)}"
    )


@contextlib.contextmanager
def _server(target: Target, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The server as a process; it has ended afterwards. Ctrl-C reaches us alone, and we end it."""
    command = [target.python, "-m", "legion_ci.serving", "--model", str(target.folder), "--port", str(port)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(port: int) -> bool:
    try:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            connection.request("GET", "/healthcheck")
            return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


def _port(told: str) -> int:
    if not (told.isascii() and told.isdigit() and 0 < int(told) < 65536):
        raise ConfigurationError(
            f"must be between 1 and 65535 (found {told!r})", where="--port", todo="name a free port"
        )
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", int(told)))
            trial.listen(1)
        except OSError as error:
            what = f"{told} cannot be listened on ({error.strerror})"
            raise ConfigurationError(
                what, where="--port", todo="name another one, or end the program that has it"
            ) from None
    return int(told)


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of every file that the model consists of."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return tuple((str(p.relative_to(folder)), (s := p.stat()).st_size, s.st_mtime_ns) for p in files)
