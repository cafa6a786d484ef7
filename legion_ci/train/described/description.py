"""What a description of an environment asks for, in pip's terms, and how it is found out from a file."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from legion_ci.core.errors import ConfigurationError, Problem

HERE = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"


@dataclass(frozen=True)
class Description:
    """requirements: lines for pip. python: a version specifier, empty when any will do. notes: what people should know.

    files: everything that it was read from.
    """

    requirements: tuple[str, ...]
    python: str = ""
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file."""
    try:
        content = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot be read ({str(error).splitlines()[0]})", where=str(path)) from error
    if not isinstance(content, dict):
        raise ConfigurationError("is not a mapping", where=str(path), todo="write an environment's description")
    return content


def read_requirements(path: Path) -> tuple[str, ...]:
    """Lines of a requirements file, those of files that it names with ``-r`` in their place; comments left out."""
    if not path.is_file():
        raise ConfigurationError("there is no such file", where=str(path), todo="name a requirements file")
    found: list[str] = []
    for line in path.read_text().replace("\\\n", " ").splitlines():
        words = line.split(" #")[0].strip()
        if words.startswith(("-r ", "--requirement ")):
            found += read_requirements(path.parent / words.split(None, 1)[1])
        elif words and not words.startswith("#"):
            found.append(" ".join(w for w in words.split() if not w.startswith("--hash=")))
    return tuple(found)


def check(found: Description, path: Path) -> Description:
    """The description itself; raises with everything in it that cannot be had: requirements, interpreter."""
    problems = [p for r in found.requirements if (p := _requirement(r, path))]
    if found.python and (p := _python(found.python, path)):
        problems.append(p)
    if problems:
        raise ConfigurationError(problems)
    return found


def _requirement(line: str, path: Path) -> Problem | None:
    if line.startswith("-"):
        return Problem(
            f"the option {line!r} cannot be kept in a lock", str(path), "list packages; set indexes for pip or uv"
        )
    try:
        wanted = Requirement(line)
    except InvalidRequirement:
        return Problem(f"{line!r} is not a requirement", str(path), "write it as pip does, such as numpy>=1.26")
    if wanted.url:
        return Problem(
            f"{line!r} names an address, which has no hash",
            str(path),
            "build a wheel and add its folder to distribution.find_links",
        )
    return None


def _python(asked: str, path: Path) -> Problem | None:
    """A problem unless this interpreter fits; another patch release of the same minor version does."""
    todo = f"run legion-ci with that Python, or ask for {HERE.rpartition('.')[0]}"
    try:
        fits = SpecifierSet(asked).contains(HERE, prereleases=True) or (
            asked.startswith("==") and _minor(asked[2:]) == _minor(HERE)
        )
    except InvalidSpecifier:
        return Problem(f"the Python version {asked!r} is not understood", str(path), todo)
    return None if fits else Problem(f"asks for Python {asked.removeprefix('==')}, and this is {HERE}", str(path), todo)


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]
