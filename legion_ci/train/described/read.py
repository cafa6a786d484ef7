"""Reads a description of an environment, whatever its kind."""

from __future__ import annotations

from pathlib import Path

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.tools import Tools
from legion_ci.train.described import conda, project, virtualenv
from legion_ci.train.described.description import Description, check, read_requirements, read_yaml

KINDS = "conda.yaml, python_env.yaml, pyproject.toml, uv.lock, requirements.txt"


def read(path: Path, tools: Tools, scratch: Path) -> Description:
    """What the file asks for; raises ConfigurationError with everything that cannot be had from PyPI or here."""
    if not path.is_file():
        raise ConfigurationError(
            "there is no such file", where=f"train.environment: {path}", todo=f"name one of {KINDS}"
        )
    return check(_read(path, tools, scratch), path)


def _read(path: Path, tools: Tools, scratch: Path) -> Description:
    if path.name in ("pyproject.toml", "uv.lock"):
        return project.read(path.parent, tools, scratch)
    if path.suffix in (".yaml", ".yml"):
        content = read_yaml(path)
        is_conda = "channels" in content or "name" in content or "python" not in content
        return conda.read(path, content) if is_conda else virtualenv.read(path, content)
    if path.suffix in (".txt", ".in"):
        return Description(read_requirements(path), files=(path,))
    raise ConfigurationError(
        "is of no kind that is known", where=f"train.environment: {path}", todo=f"name one of {KINDS}"
    )


def files(path: Path) -> tuple[Path, ...]:
    """Files that the description depends on, for digests; those that are there."""
    beside = {"uv.lock": "pyproject.toml", "pyproject.toml": "uv.lock"}.get(path.name, "requirements.txt")
    return tuple(p for p in dict.fromkeys((path, path.with_name(beside))) if p.is_file())
