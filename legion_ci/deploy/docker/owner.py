"""Whose files containers write: the site's user; where that is root, a user without any rights who is given the folders."""

from __future__ import annotations

import os
from pathlib import Path

from legion_ci.core.errors import ConfigurationError

NOBODY = 65532  # as in the images


def ids() -> tuple[int, int]:
    """User and group of every container."""
    return (os.getuid(), os.getgid()) if os.getuid() else (NOBODY, NOBODY)


def user() -> str:
    """The same in the engine's words."""
    return "{}:{}".format(*ids())


def ready(folder: Path) -> Path:
    """The folder, made and given to the containers' user with all that is in it; resolved."""
    folder.mkdir(parents=True, exist_ok=True)
    uid, gid = ids()
    if folder.stat().st_uid != uid:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, uid, gid, follow_symlinks=False)
    return folder.resolve()


def require_readable(path: Path, where: str) -> None:
    """Raise ConfigurationError when root's own file cannot be read by the containers' user."""
    uid, gid = ids()
    state = path.stat()
    may = state.st_mode & (0o400 if state.st_uid == uid else 0o040 if state.st_gid == gid else 0o004)
    if not may:
        raise ConfigurationError(
            f"{path} cannot be read by the gateway's container, which runs as user {uid}",
            where=where,
            todo=f"chown {uid} {path}",
        )
