"""The locked packages of a model for a Python and a platform, installed by uv into a folder of the cache, once a lock."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from legion_ci.core import uv
from legion_ci.core.errors import ToolError
from legion_ci.core.files import digest_bytes, digest_file, write_atomic
from legion_ci.core.lock import locked
from legion_ci.core.site import cache_home
from legion_ci.core.tools import Tools
from legion_ci.oci.document import Platform
from legion_ci.oci.layer import Entry, of_folder

PLACE = "opt/legion/packages"
_FORMAT = "1"  # raise it when the same lock gives other files
_WHEELS = {"amd64": "x86_64-manylinux_2_36", "arm64": "aarch64-manylinux_2_36"}
_NOT_RUN = frozenset({"bin", "tests", "include", "__pycache__", ".lock"})


def key(lock: Path, python: str, platform: Platform) -> str:
    """What the installed files are a function of. python: ``3.11``."""
    return digest_bytes(f"packages {_FORMAT} {digest_file(lock)} {python} {platform}".encode())


def installed(lock: Path, python: str, platform: Platform, tools: Tools, links: Sequence[str]) -> Path:
    """The folder with exactly the lock's packages; made when it is not there.

    Raises ToolError when a package has no wheel for that Python and platform, or is not to be had.
    """
    home = cache_home() / "oci" / "packages" / key(lock, python, platform)[:32]
    done = home / "complete"
    with locked(home.with_name(home.name + ".lock"), what="the model's packages"):
        if not done.is_file():
            shutil.rmtree(home, ignore_errors=True)
            tools.progress.say(f"installing the locked packages for {platform}, Python {python}")
            with tools.progress.waiting("packages"):
                _install(home / "packages", lock, python, platform, tools, links)
            _prune(home / "packages")
            write_atomic(done, digest_file(lock))
        done.touch()
    return home / "packages"


def entries(folder: Path) -> Iterator[Entry]:
    """The layer of the packages, without their compiled form."""
    for entry in of_folder(folder, PLACE, skip=_NOT_RUN):
        yield _without_programs(entry) if entry.path.endswith(".dist-info/RECORD") else entry


def _install(folder: Path, lock: Path, python: str, platform: Platform, tools: Tools, links: Sequence[str]) -> None:
    found = [word for link in links for word in ("--find-links", link)]
    command: list[str | Path] = [
        uv.program(), "pip", "install", "--target", folder, "--python-version", python, "--python-platform",
        _WHEELS[platform.architecture], "--only-binary", ":all:", "--require-hashes", "--no-deps", "--quiet", "-r", lock,
        *found,
    ]  # fmt: skip
    try:
        tools.shell.run(command, env=uv.environment())
    except ToolError as error:
        raise ToolError(
            f"the locked packages cannot be installed for {platform}, Python {python}:\n{_last(error)}", where=str(lock),
            todo="train with versions that have wheels for it (train.requirements)",
        ) from error  # fmt: skip


def _prune(folder: Path) -> None:
    """Tests and headers are not run; what is left is proved by a prediction."""
    for name in ("tests", "include", "bin"):
        for path in [p for p in folder.rglob(name) if p.is_dir()]:
            shutil.rmtree(path, ignore_errors=True)


def _without_programs(record: Entry) -> Entry:
    """A RECORD without its scripts, which name this machine's Python, and without what was pruned."""
    assert isinstance(record.source, Path)
    lines = record.source.read_text().splitlines(keepends=True)
    kept = [line for line in lines if _NOT_RUN.isdisjoint(line.split(",")[0].split("/")) and not line.startswith("..")]
    return Entry(record.path, "".join(sorted(kept)).encode())


def _last(error: ToolError) -> str:
    return "\n".join(str(error).splitlines()[1:8])
