"""A content-addressed store of blobs on this machine, shared by all images that are made here."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from legion_ci.core.errors import ToolError
from legion_ci.core.files import digest_file, unwritable, write_atomic
from legion_ci.core.site import cache_home
from legion_ci.oci.document import Descriptor, describe

_INCOMING = ".incoming-"


def shared() -> Blobs:
    """The store in the cache; all in it can be made again."""
    return Blobs(cache_home() / "oci")


def unused(for_s: float) -> Iterator[Path]:
    """Files and folders of the cache that no image has used for so many seconds; images that need them make them again."""
    home, before = cache_home() / "oci", time.time() - for_s
    yield from (p for p in home.glob(f"{_INCOMING}*") if p.stat().st_mtime < before)  # of builds that were killed
    for kind in ("blobs/sha256", "layers", "proofs", "packages", "server", "debian"):
        folder = home / kind
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            mark = path / "complete" if (path / "complete").is_file() else path
            if mark.stat().st_mtime < before:
                yield path


class Incoming:
    """A blob that is being written; it gets its place when its digest is known."""

    def __init__(self, file: BinaryIO, path: Path, blobs: Blobs) -> None:
        self.file, self._path, self._blobs = file, path, blobs

    def keep(self, digest: str) -> None:
        """Put it in its place, all or nothing."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self._path.chmod(0o644)
        self._path.replace(self._blobs.path(digest))


class Blobs:
    """Files named after their sha256 in ``folder/blobs/sha256``, as in an OCI layout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where a blob is or will be."""
        return self.folder / "blobs" / "sha256" / digest.removeprefix("sha256:")

    def has(self, digest: str, size: int) -> bool:
        """Whether it is there, whole. Being asked for counts as being used: what is not goes after a while."""
        path = self.path(digest)
        try:
            if path.stat().st_size != size:
                return False
            os.utime(path)
            return True
        except OSError:
            return False

    def put(self, content: bytes, media_type: str, **more: object) -> Descriptor:
        """Keep a document; its descriptor."""
        described = describe(content, media_type, **more)
        if not self.has(described.digest, described.size):
            write_atomic(self.path(described.digest), content)
        return described

    def read(self, digest: str) -> bytes:
        """A document's bytes, checked; raises ToolError when they are gone or not what the digest says."""
        path = self.path(digest)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ToolError("a blob of the image is gone", where=str(path), todo="package again") from error
        if describe(content, "").digest != digest:
            path.unlink(missing_ok=True)
            raise ToolError("a blob of the image was changed", where=str(path), todo="package again")
        return content

    def check(self, digest: str) -> None:
        """Raise ToolError when a blob's bytes are not what its digest says."""
        if f"sha256:{digest_file(self.path(digest))}" != digest:
            self.path(digest).unlink(missing_ok=True)
            raise ToolError("a layer of the image was changed", where=str(self.path(digest)), todo="package again")

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """A file for a new blob; it is gone after the block unless it was kept. Raises OSError as files do."""
        (self.folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=_INCOMING)
        try:
            with os.fdopen(handle, "wb") as file:
                yield Incoming(file, Path(name), self)
        finally:
            with contextlib.suppress(OSError):
                Path(name).unlink(missing_ok=True)

    def lend(self, digest: str, target: Blobs) -> None:
        """Have that blob in another store too: the same file where the disk allows it, else a copy."""
        self.lend_to(digest, target.path(digest))

    def lend_to(self, digest: str, path: Path) -> None:
        """Have that blob as a file: the same one where the disk allows it, else a copy."""
        source = self.path(digest)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, path)
        except OSError:
            try:
                shutil.copyfile(source, path)
            except OSError as error:
                raise unwritable(path, error) from error
