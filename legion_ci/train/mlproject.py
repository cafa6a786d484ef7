"""Reads an MLproject file: which description of its environment it names."""

from __future__ import annotations

from pathlib import Path

from legion_ci.core.errors import ConfigurationError
from legion_ci.train.described.description import read_yaml

FILE = "MLproject"
_UV = ("uv.lock", "pyproject.toml")


def described_in(project: Path) -> Path | None:
    """The file of ``conda_env`` or ``python_env``, else the folder's own uv.lock or pyproject.toml; None without any.

    Raises ConfigurationError for an image (``docker_env``), which has no lock that the model server could use.
    """
    path = project / FILE
    if not path.is_file():
        return None  # the trainer says so
    content = read_yaml(path)
    if "docker_env" in content:
        raise ConfigurationError(
            "docker_env names an image, which cannot become a lock",
            where=str(path),
            todo="name python_env or conda_env; images of models are made by the stage package",
        )
    named = content.get("python_env") or content.get("conda_env")
    if named:
        return project / str(named)
    return next((project / name for name in _UV if (project / name).is_file()), None)
