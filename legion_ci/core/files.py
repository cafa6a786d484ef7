"""Durable files: written to a temporary name, flushed, renamed; digests of files and folders."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from legion_ci.core.errors import ToolError

_UMASK = os.umask(0o022)
os.umask(_UMASK)  # reading it means setting it


def write_atomic(path: Path, content: bytes | str) -> None:
    """Replace ``path`` by ``content``, all or nothing; a full disk is a ToolError and leaves the old file."""
    data = content.encode() if isinstance(content, str) else content
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(handle, "wb") as out:
            Path(temporary).chmod(0o666 & ~_UMASK)  # as open() would: others may serve what we write
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> ToolError:
    """Say what kept a file from being written, and what to do about it."""
    todo = (
        "free some space and run the task again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check the folder"
    )
    return ToolError(
        f"cannot be written ({error.strerror or error})", where=str(path), todo=todo + "; nothing was lost"
    )


def digest_bytes(data: bytes) -> str:
    """sha256 of bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """sha256 of a file's content, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_tree(root: Path) -> str:
    """sha256 over the sorted (path, sha256) list of a folder's files; the digest of an artefact."""
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return digest_pairs((p.relative_to(root).as_posix(), digest_file(p)) for p in files)


def digest_pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """sha256 over ``path NUL sha256 LF`` lines in sorted order."""
    total = hashlib.sha256()
    for name, digest in sorted(pairs):
        total.update(f"{name}\0{digest}\n".encode())
    return total.hexdigest()
