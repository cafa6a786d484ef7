"""Makes a new model repository from a template: all of it, or nothing."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.core.files import unwritable

DEFAULTS = {"target": "target"}
_RENAMED = {"gitignore": ".gitignore"}  # a .gitignore inside the package would be obeyed there
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def create(
    folder: Path,
    *,
    name: str,
    template: str = "sklearn",
    answers: Mapping[str, str] | None = None,
    interactive: bool = False,
    force: bool = False,
) -> list[Path]:
    """Write the template's files into ``folder``; returns their paths.

    answers: values of the template's placeholders besides the name (``target``). interactive: ask for them. Raises
    ConfigurationError for a bad name, an unknown template, or files that are there already (all named), unless force.
    """
    values = {"name": name, **DEFAULTS, **(answers or {})}
    if interactive:
        values = {key: _ask(key, value) for key, value in values.items()}
    content = _render(template, values)
    _check(folder, values, content, force)
    return _write(folder, content)


def _ask(key: str, default: str) -> str:
    question = {"name": "Name of the model", "target": "Column that is to be predicted"}.get(key, key)
    return input(f"{question} [{default}]: ").strip() or default


def templates() -> list[str]:
    """The names of the templates."""
    return sorted(p.name for p in files("legion_ci.scaffold").joinpath("templates").iterdir() if p.is_dir())


def _render(template: str, values: Mapping[str, str]) -> dict[str, str]:
    if template not in templates():
        raise ConfigurationError(
            f"there is no template {template!r}", where="--template", todo=f"there are: {', '.join(templates())}"
        )
    root = Path(str(files("legion_ci.scaffold").joinpath("templates", template)))
    found = sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    made = {p.relative_to(root).as_posix(): Template(p.read_text()).safe_substitute(values) for p in found}
    renamed = {_RENAMED.get(path, path): text for path, text in made.items()}
    return {"Jenkinsfile": jenkinsfile(), **renamed}


def jenkinsfile() -> str:
    """The one Jenkinsfile: beside the package in a checkout, inside it in the wheel."""
    inside = files("legion_ci.scaffold").joinpath("templates", "Jenkinsfile")
    if inside.is_file():
        return inside.read_text()
    return (Path(__file__).resolve().parents[2] / "templates" / "Jenkinsfile").read_text()


def _check(folder: Path, values: Mapping[str, str], content: Mapping[str, str], force: bool) -> None:
    problems = []
    if not _NAME.fullmatch(values["name"]):
        rule = "lower-case letters, digits and dashes, a letter first, at most 63"
        problems.append(Problem(f"{values['name']!r} is not a model name", "--name", rule))
    if not _WORD.fullmatch(values["target"]):
        problems.append(Problem(f"{values['target']!r} is not a column name", "target", "letters, digits and _"))
    if not force:
        there = [p for p in content if (folder / p).exists()]
        problems += [Problem("is there already", str(folder / p), "--force writes over it") for p in there]
    if problems:
        raise ConfigurationError(problems)


def _write(folder: Path, content: Mapping[str, str]) -> list[Path]:
    """Write to a folder beside it first, then move each file: a failure leaves nothing behind."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".init-") as temporary:
            for path, text in content.items():
                target = Path(temporary) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
            for path in content:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(Path(temporary) / path, folder / path)
    except OSError as error:
        raise unwritable(folder, error) from error
    return [folder / path for path in sorted(content)]
