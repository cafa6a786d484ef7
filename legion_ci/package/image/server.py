"""Our own code as a layer: the wheel's content, unpacked in the cache once a version."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from legion_ci.core import wheel
from legion_ci.core.lock import locked
from legion_ci.core.site import cache_home
from legion_ci.oci.layer import Entry, of_folder

PLACE = "opt/legion/server"
_COMPILED = frozenset({"__pycache__"})


def unpacked() -> Path:
    """The folder with our own code; made when it is not there."""
    home = cache_home() / "oci" / "server" / wheel.digest()[:32]
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        with locked(home.with_name("server.lock")), tempfile.TemporaryDirectory(dir=home.parent) as scratch:
            with zipfile.ZipFile(wheel.write(Path(scratch))) as archive:
                archive.extractall(Path(scratch) / "code")
            shutil.rmtree(home, ignore_errors=True)
            (Path(scratch) / "code").replace(home)
    os.utime(home)
    return home


def entries(folder: Path) -> Iterator[Entry]:
    """The layer of our own code, without its compiled form."""
    return of_folder(folder, PLACE, skip=_COMPILED)
