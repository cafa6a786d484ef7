"""An engine of a test's own, which it may end and start again; it touches neither networks nor engines of others."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from deploy_site import eventually
from requirements_of_tests import need

from legion_ci.core.errors import LegionError
from legion_ci.deploy.docker import engine


@dataclass
class Daemon:
    """dockerd with all its state in ``folder``."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Its socket."""
        return f"unix://{self.folder}/docker.sock"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
        places = [word for name, place in options.items() for word in (f"--{name}", str(self.folder / place))]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["dockerd", "-H", self.address, "--iptables=false", *places],  # --bridge=none would remove docker0
                stdout=log, stderr=log,
            )  # fmt: skip
        eventually(self._answers, patience_s=60.0)

    def stop(self) -> None:
        """End it, and with it its containers."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def _answers(self) -> bool:
        try:
            engine.connect(self.address)
        except LegionError:
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            return False
        return True


@contextmanager
def own_daemon() -> Iterator[Daemon]:
    """A running engine of our own; skips where we may not start one."""
    need("dockerd", "install docker.io")
    if os.getuid():
        pytest.skip("an engine of the test's own needs root")
    with tempfile.TemporaryDirectory(prefix="lci-", ignore_cleanup_errors=True) as folder:  # short: it holds sockets
        daemon = Daemon(Path(folder))
        try:
            daemon.start()
            yield daemon
        finally:
            daemon.stop()
