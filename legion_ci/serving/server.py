"""Runs the application on granian: the port, the worker processes, the end."""

from __future__ import annotations

import errno
import socket
import time
from functools import partial
from typing import Any

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.mp import MPServer

from legion_ci.core.errors import ConfigurationError
from legion_ci.serving import board, log
from legion_ci.serving.artefact import ModelFolder
from legion_ci.serving.metrics import SLOTS
from legion_ci.serving.options import Options
from legion_ci.serving.worker import application


def run(folder: ModelFolder, options: Options) -> None:
    """Serve until TERM or INT; a worker that dies is replaced.

    Raises ConfigurationError when the port is not to be had, SystemExit(1) when a worker cannot start or dies again at once.
    """
    _claim(options.host, options.port)
    counters = board.create(options.workers, SLOTS)
    server = _Server(
        "legion_ci.serving", address=options.host, port=options.port, interface=Interfaces.RSGI, workers=options.workers,
        websockets=False, backlog=2048, backpressure=2048, log_enabled=False, workers_kill_timeout=options.grace_s,
        http1_settings=HTTP1Settings(header_read_timeout=int(options.limits.arrival_s * 1000)), respawn_failed_workers=True,
    )  # fmt: skip
    log.event("listening", url=f"http://{options.host}:{options.port}", model=folder.name, version=folder.version,
              digest=folder.digest[:12], flavor=folder.flavor, accelerated="onnx" if folder.accelerated else "", workers=options.workers)  # fmt: skip
    try:
        server.serve(target_loader=partial(application, folder, options, counters), wrap_loader=False)
    finally:
        counters.unlink(missing_ok=True)
    log.event("stopped")


_TOLD = 1  # exit code of a worker that could not start and has told why


class _Server(MPServer):  # type: ignore[misc]
    """granian's server that says when a worker dies, and ends when one cannot start."""

    def shutdown(self, exit_code: int = 0) -> None:
        self._tell(self.interrupt_children)
        super().shutdown(exit_code)

    def _respawn_workers(self, workers: list[int], *how: Any, **more: Any) -> None:
        if any(self.wrks[index].inner.exitcode == _TOLD for index in workers):
            self.interrupt_children.extend(workers)
            self.respawned_wrks.update(dict.fromkeys(workers, time.monotonic()))  # to granian a crash loop: it ends
            self.main_loop_interrupt.set()
            return
        self._tell(workers)
        super()._respawn_workers(workers, *how, **more)

    def _tell(self, workers: list[int]) -> None:
        for index in workers:
            status = self.wrks[index].inner.exitcode
            if status not in (None, _TOLD):
                log.event("worker-died", worker=index + 1, status=status)


def _claim(host: str, port: int) -> None:
    """See that nobody listens there: granian's workers share a port and would share it with a stranger, too."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
            trial.listen(1)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        what = f"port {port} is in use" if taken else f"port {port} cannot be listened on ({error.strerror or error})"
        raise ConfigurationError(
            what, where=host, todo="choose another --port, or end the program that has it"
        ) from error
