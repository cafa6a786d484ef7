"""One worker process: its application, the thread in which its model lives, and its end."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from legion_ci.core.errors import ConfigurationError, LegionError
from legion_ci.feedback.capture import Sink
from legion_ci.serving import check, load, log, openapi
from legion_ci.serving.app import Application
from legion_ci.serving.artefact import ModelFolder
from legion_ci.serving.batcher import Batcher
from legion_ci.serving.board import Board
from legion_ci.serving.call import Desk
from legion_ci.serving.captures import Identity
from legion_ci.serving.metrics import SLOTS, Metrics
from legion_ci.serving.options import Options
from legion_ci.serving.protocols import Protocols
from legion_ci.serving.service import service_of
from legion_ci.serving.signature import read_sample

_STOP_S = 5.0
_ANY_THREAD = ("sklearn",)  # other kinds may hold what belongs to the thread that loaded them, such as a database


def application(folder: ModelFolder, options: Options, counters: Path) -> Application:
    """The application of one worker process; its model is loaded in a thread while it already answers 503.

    counters: the file of the board that all worker processes share.
    """
    log.warnings_as_events()
    _end_with_parent(counters)
    deployment = options.deployment or f"{folder.name}-{folder.version}"
    who = Identity(deployment, folder.name, folder.version, folder.digest, options.unit_header)
    board = Board.join(counters, SLOTS)
    worker = _Worker(folder, options, Desk(who, Metrics(board), _sink(options, deployment)))
    return Application(worker.desk, options.limits, worker.start, worker.stop, replaces=board.inherited)


class _Worker:
    """The model's thread of one process, and what must be closed at the end."""

    def __init__(self, folder: ModelFolder, options: Options, desk: Desk) -> None:
        self.desk = desk
        self._folder, self._options = folder, options
        self._batcher: Batcher | None = None
        self._ended = threading.Event()

    def start(self, app: Application) -> None:
        """Load, check, report ready, and then call the model until the end. A failure ends the whole server."""
        try:
            self._make_ready(app)
        except BaseException as error:
            self._die(error)
        assert self._batcher is not None
        self._batcher.serve()
        self._ended.set()

    def stop(self) -> None:
        """Answer what is queued, then close the sink."""
        if self._batcher is not None:
            self._batcher.stop()
            self._ended.wait(_STOP_S)
        if self.desk.sink is not None:
            self.desk.sink.close()

    def _make_ready(self, app: Application) -> None:
        folder, limits = self._folder, self._options.limits
        head_input = read_sample(folder.model_dir / "head_input.json")
        head_output = read_sample(folder.model_dir / "head_output.json")
        model = load.load(folder)
        protocols = Protocols(model.signature, limits.max_rows)
        if differs := check.run(model, protocols, head_input, head_output):
            if folder.flavor == "sklearn":
                raise ConfigurationError(
                    f"the model's self-check failed: {differs}", todo="train it again in this environment"
                )
            log.event("self-check-differs", what=differs)  # models of other kinds may answer differently each time
        self._batcher = Batcher(model, limits, any_thread=folder.flavor in _ANY_THREAD)
        document = openapi.Document.of_samples(model.signature, head_input, head_output)
        gc.collect()
        gc.freeze()  # the model is here to stay: the collector need not look at it again
        app.ready(service_of(self._batcher, protocols, self.desk, document))
        log.event("ready", deployment=self.desk.who.deployment)

    def _die(self, error: BaseException) -> None:
        if not isinstance(error, LegionError):
            log.failure("start-failed", error)
        elif error.__cause__ is not None:
            log.failure("start-failed", error.__cause__)
        problems = error.problems if isinstance(error, LegionError) else [f"{type(error).__name__}: {error}"]
        sys.stderr.write("".join(f"legion-serving: {problem}\n" for problem in problems))
        sys.stderr.flush()
        os._exit(1)


def _sink(options: Options, deployment: str) -> Sink | None:
    if options.capture is None:
        return None
    from legion_ci.feedback.store import open_sink

    sink: Sink = open_sink(options.capture, f"{deployment}-{os.getpid()}")
    return sink


def _end_with_parent(counters: Path) -> None:
    """A worker whose main process was killed must not go on holding the port, nor leave the counters' file."""
    parent: Any = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        counters.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
