"""Artefacts by URI and digest: fetched to a local cache and checked, or named as out of reach."""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from legion_ci.core.errors import OrderError
from legion_ci.core.files import digest_tree
from legion_ci.core.site import cache_home
from legion_ci.core.tools import Tools
from legion_ci.results import Artefact


def local_path(uri: str) -> Path | None:
    """The folder or file behind a ``file:`` URI or a plain path; None for URIs of other kinds."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if parts.scheme else Path(uri)


def of_folder(folder: Path) -> Artefact:
    """An artefact that is a folder of this machine."""
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    return Artefact(
        uri=folder.resolve().as_uri(), digest=digest_tree(folder), host=socket.gethostname(), size_bytes=size
    )


def fetch(artefact: Artefact, tools: Tools) -> Path:
    """A local folder with exactly that content.

    Raises OrderError (exit 3) when the artefact is a path of another machine or gone, or when its content is not
    what its digest says.
    """
    cached = cache_home() / "artefacts" / artefact.digest[:32]
    if cached.is_dir() and digest_tree(cached) == artefact.digest:
        return cached
    source = local_path(artefact.uri)
    if source is None:
        return _keep(_download(artefact.uri), cached, artefact)
    if not source.is_dir():
        other = artefact.host and artefact.host != socket.gethostname()
        raise OrderError(
            f"the artefact is out of reach (a path on {artefact.host}, this is {socket.gethostname()})"
            if other
            else "the artefact is gone",
            where=artefact.uri,
            todo="set store.tracking_uri to a server that all agents reach" if other else "run train again",
        )
    return _checked(source, artefact)


def _checked(folder: Path, artefact: Artefact) -> Path:
    found = digest_tree(folder)
    if found != artefact.digest:
        raise OrderError(
            f"the artefact was changed after it was made (digest {found[:12]}, recorded {artefact.digest[:12]})",
            where=artefact.uri,
            todo="run train again",
        )
    return folder


def _keep(downloaded: Path, cached: Path, artefact: Artefact) -> Path:
    _checked(downloaded, artefact)
    cached.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(cached, ignore_errors=True)
    shutil.move(downloaded, cached)
    return cached


def _download(uri: str) -> Path:
    from legion_ci.store import mlflow

    target = Path(tempfile.mkdtemp(prefix="artefact-", dir=_temporary()))
    return mlflow.download(uri, target)


def _temporary() -> Path:
    folder = cache_home() / "artefacts"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
