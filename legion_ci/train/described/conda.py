"""Reads conda's ``environment.yaml``: its packages as PyPI's, its pip section as it is; what PyPI lacks is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.train.described.description import Description, read_requirements

_PUBLIC = {"defaults", "main", "conda-forge", "anaconda", "nodefaults"}  # what they have of Python is on PyPI too
_SPEC = re.compile(
    r"^(?:(?P<channel>[\w./:-]+)::)?(?P<name>[A-Za-z0-9_.-]+?)\s*(?P<version>(?:[\s=<>!~].*)|(?:\[.*\]))?$"
)
_RENAMED = {
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "py-lightgbm": "lightgbm",
    "py-xgboost": "xgboost",
    "pyarrow-core": "pyarrow",
    "pytables": "tables",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "python-duckdb": "duckdb",
    "python-graphviz": "graphviz",
    "ruamel_yaml": "ruamel.yaml",
    "scikit-learn-intelex": "scikit-learn-intelex",
    "tensorflow-cpu": "tensorflow-cpu",
}
# Programs and libraries that are no Python packages. PyPI may have another project of that name.
_NOT_PYTHON = re.compile(
    r"^(r|r-.*|lib.*|_.*|cuda.*|cudnn|mkl|mkl-devel|blas|openblas|gcc.*|gxx.*|gfortran.*|clang.*|compilers|make|openjdk|"
    r"java-.*|maven|nodejs|openssl|ca-certificates|zlib|bzip2|xz|tk|sqlite|readline|ncurses|ffmpeg|git|bash|curl|"
    r"perl|ruby|go|rust|gdal|geos|proj|hdf5|postgresql|mysql|boost|eigen|llvm.*|tbb|intel-openmp|conda|mamba)$"
)
_TODO = "install it on the machine and leave it out here, or name its PyPI package in the pip section"


def read(path: Path, content: dict[str, Any]) -> Description:
    """The description; raises ConfigurationError with every package that cannot come from PyPI."""
    problems = [
        Problem(
            f"the channel {c} is not on PyPI's side",
            f"{path}: channels",
            "publish its packages as wheels, and list them under pip",
        )
        for c in _strange(content)
    ]
    lines: list[str] = []
    python = ""
    notes: list[str] = []
    for item in content.get("dependencies") or []:
        if isinstance(item, dict):
            lines += _pip(item, path)
        elif isinstance(found := _package(str(item), path), Problem):
            problems.append(found)
        elif found[0] == "python":
            python = found[1]
        elif found[0] not in ("pip", "setuptools", "wheel"):
            lines.append("".join(found))
            notes.append("".join(found))
    if problems:
        raise ConfigurationError(problems)
    said = (f"{path.name}: conda's packages are taken from PyPI: {', '.join(notes)}",) if notes else ()
    return Description(tuple(lines), python, said, (path,))


def _strange(content: dict[str, Any]) -> list[str]:
    """Channels whose packages nobody but conda can get."""
    return [str(c) for c in content.get("channels") or [] if str(c) not in _PUBLIC]


def _pip(section: dict[str, Any], path: Path) -> list[str]:
    lines: list[str] = []
    for line in section.get("pip") or []:
        if str(line).startswith(("-r ", "--requirement ")):
            lines += read_requirements(path.parent / str(line).split(None, 1)[1])
        else:
            lines.append(str(line))
    return lines


def _package(text: str, path: Path) -> tuple[str, str] | Problem:
    """(name, version specifier) in pip's terms."""
    match, where = _SPEC.match(text.strip()), f"{path}: dependencies"
    if match is None:
        return Problem(f"{text!r} is not a package of conda", where, "write name=version")
    channel, name = match["channel"], match["name"].lower()
    if channel and channel not in _PUBLIC:
        return Problem(f"{text!r} comes from the channel {channel}", where, "name its PyPI package in the pip section")
    if _NOT_PYTHON.match(name):
        return Problem(f"the package {name} is conda's alone: it is no Python package", where, _TODO)
    version = _version(match["version"] or "")
    if version is None:
        return Problem(f"the version in {text!r} has no equal in pip", where, "write one range, such as numpy>=1.26,<3")
    return _RENAMED.get(name, name), version


def _version(text: str) -> str | None:
    """``=1.2`` is ``==1.2.*``, ``=1.2=build`` is ``==1.2``; ranges stay. None: alternatives and other things."""
    text = text.strip()
    if text.startswith("["):
        inner = re.fullmatch(r"\[\s*version\s*=\s*['\"]([^'\"]+)['\"]\s*\]", text)
        return _version(inner[1]) if inner else None
    if "|" in text:
        return None
    words = text.split()
    if len(words) > 1 and not any(text.startswith(c) for c in "<>!~="):
        return f"=={words[0]}"  # name version build
    text = "".join(words)
    if not text or text == "*":
        return ""
    if text[0] in "<>!~":
        return text
    if text.startswith("=="):
        return "==" + text[2:].partition("=")[0]
    number, _, build = text.removeprefix("=").partition("=")
    if "," in number or not re.fullmatch(r"[\w.!+*]+", number):
        return None
    exact = build or number.endswith("*") or not text.startswith("=")
    return f"=={number}" if exact else f"=={number}.*"
