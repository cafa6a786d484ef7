"""The locked packages of a model for a Python and a platform, installed by uv into a folder of the cache, once a lock."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from legion_ci.core import uv
from legion_ci.core.errors import ToolError
from legion_ci.core.files import digest_bytes, digest_file, write_atomic
from legion_ci.core.lock import locked
from legion_ci.core.site import cache_home
from legion_ci.core.tools import Tools
from legion_ci.oci.document import Platform
from legion_ci.oci.layer import Entry, of_folder
from legion_ci.package.image import buildkit

PLACE = "opt/legion/packages"
_FORMAT = "1"  # raise it when the same lock gives other files
_WHEELS = {"amd64": "x86_64-manylinux_2_36", "arm64": "aarch64-manylinux_2_36"}
_NOT_RUN = frozenset({"bin", "tests", "include", "__pycache__", ".lock"})


@dataclass(frozen=True)
class Wanted:
    """What is installed. python: ``3.11``. build_image: in which it is built; None: from wheels."""

    lock: Path
    python: str
    platform: Platform
    links: tuple[str, ...] = ()
    build_image: str | None = None

    @cached_property
    def key(self) -> str:
        """What the installed files are a function of."""
        built = f" {buildkit.identity(self.build_image)}" if self.build_image else ""
        return digest_bytes(
            f"packages {_FORMAT} {digest_file(self.lock)} {self.python} {self.platform}{built}".encode()
        )


def installed(wanted: Wanted, tools: Tools) -> Path:
    """The folder with exactly the lock's packages; made when it is not there.

    Raises ToolError when a package has no wheel for that Python and platform and is not built, or is not to be had.
    """
    home = cache_home() / "oci" / "packages" / wanted.key[:32]
    done = home / "complete"
    with locked(home.with_name(home.name + ".lock"), what="the model's packages"):
        if not done.is_file():
            shutil.rmtree(home, ignore_errors=True)
            tools.progress.say(f"installing the locked packages for {wanted.platform}, Python {wanted.python}")
            with tools.progress.waiting("packages"):
                _install(home / "packages", wanted, tools)
            _prune(home / "packages")
            write_atomic(done, digest_file(wanted.lock))
        done.touch()
    return home / "packages"


def entries(folder: Path) -> Iterator[Entry]:
    """The layer of the packages, without their compiled form."""
    for entry in of_folder(folder, PLACE, skip=_NOT_RUN):
        yield _without_programs(entry) if entry.path.endswith(".dist-info/RECORD") else entry


def _install(folder: Path, wanted: Wanted, tools: Tools) -> None:
    if wanted.build_image:
        buildkit.install(folder, wanted.lock, wanted.python, wanted.build_image, wanted.links, tools)
        return
    found = [word for link in wanted.links for word in ("--find-links", link)]
    command: list[str | Path] = [
        uv.program(), "pip", "install", "--target", folder, "--python-version", wanted.python, "--python-platform",
        _WHEELS[wanted.platform.architecture], "--only-binary", ":all:", "--require-hashes", "--no-deps", "--quiet", "-r",
        wanted.lock, *found,
    ]  # fmt: skip
    try:
        tools.shell.run(command, env=uv.environment())
    except ToolError as error:
        raise ToolError(
            f"the locked packages cannot be installed for {wanted.platform}, Python {wanted.python}:\n{_last(error)}",
            where=str(wanted.lock),
            todo="train with versions that have wheels for it (train.requirements), or name package.build_image to build them",
        ) from error


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
