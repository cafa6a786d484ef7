"""Locked environments, shared by what is in them: made once for a lock, an interpreter and our own wheel."""

from __future__ import annotations

import shutil
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

from legion_ci.core import uv, wheel
from legion_ci.core.files import digest_bytes, digest_file, write_atomic
from legion_ci.core.lock import locked
from legion_ci.core.site import cache_home
from legion_ci.core.tools import Tools


def folder(lock: Path, python: str = sys.executable) -> Path:
    """Where the environment of that lock is (or will be) kept."""
    facts = f"{digest_file(lock)} {wheel.digest()} {sysconfig.get_platform()} {sys.version} {python}"
    return cache_home() / "environments" / digest_bytes(facts.encode())[:20]


def ensure(lock: Path, tools: Tools, find_links: Sequence[str] = ()) -> Path:
    """Python of the environment that holds exactly ``lock`` and our own wheel; made when it is not there.

    An environment that was left half-made is made anew; two that want the same one wait for each other. Raises
    ToolError with the installer's last lines when a package is not to be had.
    """
    home = folder(lock)
    done = home / "legion-complete"
    if not done.is_file():
        with locked(home.with_name(home.name + ".lock"), what="the environment"):
            if not done.is_file():
                tools.progress.say(f"making the model's environment from {lock.name}")
                with tools.progress.waiting("packages"):
                    _make(home, lock, tools, find_links)
                write_atomic(done, digest_file(lock))
    (home / "legion-used").write_text(f"{time.time():.0f}")
    return uv.python_of(home)


def _make(home: Path, lock: Path, tools: Tools, find_links: Sequence[str]) -> None:
    shutil.rmtree(home, ignore_errors=True)
    python = uv.make_venv(home, tools)
    uv.sync(python, lock, wheel.write(cache_home() / "wheels" / wheel.digest()[:20]), tools, find_links)
