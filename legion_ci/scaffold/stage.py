"""``init``: a new model repository that works at once, written as a whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.core.files import unwritable
from legion_ci.scaffold import questions
from legion_ci.scaffold import template as templates
from legion_ci.scaffold.questions import Ask


def create(
    folder: Path,
    *,
    name: str,
    template: str = "sklearn",
    answers: Mapping[str, str] | None = None,
    interactive: bool = False,
    force: bool = False,
    ask: Ask = questions.prompt,
) -> list[Path]:
    """Make a model repository in ``folder`` and return its files, sorted.

    answers: use (parquet, csv), target (a column), locustfile (yes, no). interactive: ask for what is not given.
    force: replace files that are there. Raises ConfigurationError (bad names, files in the way, all at once) and
    ToolError (a folder that cannot be written); either way nothing has changed.
    """
    made = _contents(template, name, answers or {}, ask if interactive else None)
    _see_that_nothing_is_in_the_way(folder, made, force)
    try:
        with _beside(folder) as temporary:
            _write(temporary / "new", made)
            if folder.exists():
                _move(temporary, folder, list(made))
            else:
                (temporary / "new").rename(folder)
    except OSError as error:
        raise unwritable(Path(error.filename or folder), error) from error
    return [folder / n for n in made]


def _contents(name: str, model: str, answers: Mapping[str, str], ask: Ask | None) -> dict[str, str]:
    templates.check(name)
    return templates.files(name, questions.answered(model, answers, ask))


def _see_that_nothing_is_in_the_way(folder: Path, made: Mapping[str, str], force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError("is a file", where=str(folder), todo="give --folder another name")
    blocked = [
        Problem("is no folder", str(p), "move it away") for p in _parents(folder, made) if p.exists() and not p.is_dir()
    ]
    there = [folder / n for n in made if (folder / n).exists() or (folder / n).is_symlink()]
    odd = [Problem("is a folder where a file goes", str(p), "move it away") for p in there if p.is_dir()]
    taken = [
        Problem("is there already", str(p), "move it away, or --force to replace it") for p in there if not p.is_dir()
    ]
    if problems := [*blocked, *odd, *([] if force else taken)]:
        raise ConfigurationError(problems)


def _parents(folder: Path, made: Mapping[str, str]) -> list[Path]:
    return sorted({folder / p for n in made for p in Path(n).parents if p != Path()})


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A temporary folder on the same file system, removed again."""
    parent = folder.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    temporary = parent / f".legion-init-{secrets.token_hex(4)}"
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(root: Path, made: Mapping[str, str]) -> None:
    for name, content in made.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="\n")


def _move(temporary: Path, folder: Path, names: list[str]) -> None:
    """Move the files into a folder that exists; when one cannot be moved, put everything back as it was."""
    with contextlib.ExitStack() as undo:
        for name in names:
            target, kept = folder / name, temporary / "old" / name
            for parent in reversed([p for p in target.parents if p.is_relative_to(folder) and not p.exists()]):
                parent.mkdir()
                undo.callback(parent.rmdir)
            if target.exists() or target.is_symlink():
                kept.parent.mkdir(parents=True, exist_ok=True)
                target.rename(kept)
                undo.callback(kept.rename, target)
            (temporary / "new" / name).rename(target)
            undo.callback(target.unlink)
        undo.pop_all()  # all is where it belongs: nothing to undo
