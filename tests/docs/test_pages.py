"""What the pages tell a reader to type is typed, in order, and prints what they show."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import model_repository
import pytest
from console_blocks import Command, commands

ROOT = model_repository.EXAMPLES.parent
TUTORIAL = ROOT / "docs" / "tutorial.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").glob("*/README.md"))]
HOW_TO = [p for p in sorted((ROOT / "docs" / "how-to").glob("*.md")) if commands(p)]
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def type_in(repository, page: Path) -> None:
    """Type a page's commands in the repository's folder."""
    environment = repository.environment
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    for command in commands(page):
        code, printed = _typed(command, repository.folder, environment)
        where = f"{page.relative_to(ROOT)}:{command.line}: {command.text}"
        assert code == command.code, f"{where}\nended with {code}\n{printed}"
        assert command.missing(printed) == [], f"{where}\nprinted\n{printed}"


def _typed(command: Command, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """The command's exit code, and what it printed; Ctrl-C comes where the page shows it."""
    process = subprocess.Popen(
        ["bash", "-c", command.text], cwd=folder, env=environment, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    printed = ""
    try:
        while command.interrupted and command.missing(printed) and (line := process.stdout.readline()):
            printed += line
        if command.interrupted:
            os.killpg(process.pid, signal.SIGINT)
        printed += process.communicate(timeout=240)[0]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, printed


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_the_tutorial_can_be_typed_from_top_to_bottom(tmp_path):
    repository = model_repository.copy("wine", tmp_path)
    try:
        type_in(repository, TUTORIAL)
    finally:
        repository.stop()


@pytest.fixture(scope="module")
def wine(tmp_path_factory):
    """The wine example with its first model live."""
    repository = model_repository.copy("wine", tmp_path_factory.mktemp("how-to"))
    try:
        repository.legion("pipeline", "--first")
        yield repository
    finally:
        repository.stop()


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.parametrize("page", HOW_TO, ids=lambda p: p.stem)
def test_the_commands_of_a_how_to_page_work_on_the_wine_example(wine, page):
    type_in(wine, page)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    targets = _LINK.findall(page.read_text())
    assert [t for t in targets if not (page.parent / t).exists()] == []
