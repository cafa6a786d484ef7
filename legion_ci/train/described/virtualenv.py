"""Reads MLflow's ``python_env.yaml``: an interpreter and lists of requirements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from legion_ci.train.described.description import Description, read_requirements


def read(path: Path, content: dict[str, Any]) -> Description:
    """The description; ``build_dependencies`` are only for making an environment and are left out."""
    lines: list[str] = []
    files = [path]
    for item in map(str, content.get("dependencies") or []):
        if item.startswith(("-r ", "--requirement ")):
            files.append(path.parent / item.split(None, 1)[1])
            lines += read_requirements(files[-1])
        else:
            lines.append(item)
    python = str(content.get("python") or "")
    return Description(tuple(lines), f"=={python}" if python[:1].isdigit() else python, (), tuple(files))
