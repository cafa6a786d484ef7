"""A site in a temporary folder with everything that runs in it ended afterwards, and small servers to run in it."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from legion_ci.core.site import Site
from legion_ci.supervise import client
from legion_ci.supervise.process import Process
from legion_ci.supervise.records import Records
from legion_ci.testing.probes import Answer, alive, ask, eventually, free_port, kill, model_ref

SERVER = Path(__file__).with_name("deploy_server.py")


@contextlib.contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """A site; whatever still runs in it at the end is ended."""
    site = Site(path=folder / "site", model="wine")
    site.path.mkdir(parents=True)
    try:
        yield site
    finally:
        client.stop_all(site)
        shutil.rmtree(site.path, ignore_errors=True)


def server(name: str, port: int, *more: str) -> Process:
    """The tiny server as a supervised process."""
    command = (sys.executable, str(SERVER), "--port", str(port), "--deployment", name, *more)
    return Process(name=name, command=command, health=f"http://127.0.0.1:{port}/healthcheck", stop_grace_s=3.0)


def pid_of(site: Site, name: str) -> int:
    """Pid of a running supervised process."""
    actual = Records(site.processes).actual(name)
    assert actual is not None
    assert actual.identity is not None
    return actual.identity.pid


def supervisor_pid(site: Site) -> int:
    """Pid of the site's supervisor."""
    identity = Records(site.processes).supervisor()
    assert identity is not None
    return identity.pid


__all__ = [
    "Answer", "alive", "ask", "eventually", "free_port", "kill", "model_ref", "pid_of", "running_site", "server", "supervisor_pid",
]  # fmt: skip
