"""Reads a Python project: its locked packages where it has ``uv.lock``, else the dependencies of ``pyproject.toml``."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

from legion_ci.core import uv
from legion_ci.core.errors import ConfigurationError
from legion_ci.core.tools import Tools
from legion_ci.train.described.description import Description, read_requirements


def read(folder: Path, tools: Tools, scratch: Path) -> Description:
    """The description of the project in ``folder``: run-time dependencies, without groups and extras."""
    path, lock = folder / "pyproject.toml", folder / "uv.lock"
    project = _project(path)
    python = str(project.get("requires-python", ""))
    if not lock.is_file():
        return Description(tuple(project.get("dependencies", ())), python, (), (path,))
    return Description(_exported(folder, tools, scratch), python, (), (path, lock))


def _project(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigurationError("there is no pyproject.toml beside uv.lock", where=str(path.parent), todo="add it")
    try:
        content = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot be read ({error})", where=str(path), todo="correct it") from error
    project = content.get("project")
    if not isinstance(project, dict):
        raise ConfigurationError("has no table [project]", where=str(path), todo="list dependencies in [project]")
    if "dependencies" in project.get("dynamic", ()):
        raise ConfigurationError(
            "its dependencies are dynamic", where=str(path), todo="list them, or name a requirements file"
        )
    return project


def _exported(folder: Path, tools: Tools, scratch: Path) -> tuple[str, ...]:
    """The pins of uv.lock, as it is; uv says so when it does not fit pyproject.toml any more."""
    target = scratch / "exported.txt"
    command: list[str | Path] = [
        uv.program(),
        "export",
        "--project",
        folder,
        "--locked",
        "--no-default-groups",
        "--no-emit-project",
        "--no-hashes",
        "--no-header",
        "--no-annotate",
        "--python",
        sys.executable,
        "--quiet",
        "-o",
        target,
    ]
    tools.shell.run(command, env=uv.environment())
    return read_requirements(target)
