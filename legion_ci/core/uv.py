"""uv: locks and environments. Honours pip's and uv's own settings for indexes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from legion_ci.core.errors import PluginError
from legion_ci.core.tools import Tools

_PIP_TO_UV = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX", "PIP_FIND_LINKS": "UV_FIND_LINKS"}


def program() -> str:
    """Path of the uv program: the one of our own environment, else on PATH."""
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        if found := shutil.which("uv"):
            return found
        raise PluginError("uv is not installed", todo="pip install 'legion-ci[train]'") from None


def environment() -> dict[str, str]:
    """Variables for uv: pip's index settings where uv's own are not set; the system's certificates."""
    wanted = {uv: os.environ[pip] for pip, uv in _PIP_TO_UV.items() if pip in os.environ and uv not in os.environ}
    return {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1", "VIRTUAL_ENV": "", "UV_NO_PROGRESS": "1", **wanted}


def compile_lock(requirements: Path, lock: Path, tools: Tools, find_links: Sequence[str] = ()) -> None:
    """Resolve ``requirements`` into a lock with hashes and without any address."""
    command: list[str | Path] = [
        program(),
        "pip",
        "compile",
        requirements,
        "-o",
        lock,
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--no-emit-index-url",
        "--no-emit-find-links",
        "--python",
        sys.executable,
        "--quiet",
        *(w for f in find_links for w in ("--find-links", f)),
    ]
    tools.shell.run(command, env=environment())


def make_venv(folder: Path, tools: Tools, python: str = sys.executable) -> Path:
    """A new virtual environment; returns its Python."""
    tools.shell.run(
        [program(), "venv", "--python", python, "--no-project", "--quiet", "--clear", folder], env=environment()
    )
    return python_of(folder)


def python_of(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def sync(python: Path, lock: Path, wheel: Path | None, tools: Tools, find_links: Sequence[str] = ()) -> None:
    """Install exactly ``lock`` (by hash) and our own wheel (by file, without resolving anything)."""
    links = [w for f in find_links for w in ("--find-links", f)]
    tools.shell.run(
        [
            program(),
            "pip",
            "install",
            "--python",
            python,
            "--require-hashes",
            "--no-deps",
            "--quiet",
            "-r",
            lock,
            *links,
        ],
        env=environment(),
    )
    if wheel is not None:
        tools.shell.run(
            [program(), "pip", "install", "--python", python, "--no-deps", "--quiet", wheel], env=environment()
        )
