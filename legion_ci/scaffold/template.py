"""Templates of model repositories: files with $placeholders, from the package or the checkout."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template

from legion_ci.core.errors import ConfigurationError

_HERE = Path(__file__).resolve().parent
_HOME = _HERE / "templates"
_JENKINSFILE = "Jenkinsfile"
_RENAMED = {"gitignore": ".gitignore"}  # under its real name it would be obeyed here
_PANDAS = re.compile(r"\b(read|to)_parquet\b")  # templates are Python that compiles, so these are no placeholders


def known() -> list[str]:
    """Names of the templates."""
    return sorted(p.name for p in _HOME.iterdir() if p.is_dir() and not p.name.startswith("_"))


def check(name: str) -> None:
    """ConfigurationError for a template that is not there, with the nearest that is."""
    if name not in known():
        near = difflib.get_close_matches(name, known(), n=1)
        todo = f"did you mean {near[0]}?" if near else f"known are {', '.join(known())}"
        raise ConfigurationError(f"there is no template {name!r}", where="template", todo=todo)


def files(name: str, answers: Mapping[str, str]) -> dict[str, str]:
    """Path in the new repository and content of each file, sorted by path."""
    root = _HOME / name
    found = (p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    made = {p.relative_to(root).as_posix(): _filled(p.read_text(encoding="utf-8"), answers) for p in found}
    if answers["locustfile"] == "no":
        made.pop("locustfile.py", None)
    renamed = {_RENAMED.get(path, path): text for path, text in made.items()}
    return dict(sorted({**renamed, _JENKINSFILE: jenkinsfile()}.items()))


def _filled(text: str, answers: Mapping[str, str]) -> str:
    return Template(_PANDAS.sub(rf"\1_{answers['use']}", text)).substitute(answers)


def jenkinsfile() -> str:
    """The one Jenkinsfile: in the wheel beside the templates, in a checkout at the top."""
    for folder in (_HOME, _HERE.parents[1] / "templates"):
        if (folder / _JENKINSFILE).is_file():
            return (folder / _JENKINSFILE).read_text(encoding="utf-8")
    raise ConfigurationError("the Jenkinsfile's template is missing", where=str(_HOME), todo="install legion-ci again")
