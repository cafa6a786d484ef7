"""Layers: files in a fixed order with fixed times and owners, as one compressed tar; the same files, the same bytes."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from legion_ci.core.files import digest_bytes, digest_file, unwritable, write_atomic
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.compress import GzipWriter
from legion_ci.oci.document import LAYER, Descriptor

_FORMAT = 1  # part of every key: raise it when the same files get other bytes


@dataclass(frozen=True)
class Entry:
    """A file, link or folder of a layer. path: in the image, without a slash in front. source: its content or a file with it."""

    path: str
    source: bytes | Path | None = None
    link: str = ""
    mode: int = 0o644

    def digest(self) -> str:
        """Content and mode as text; a file of this machine is read."""
        if self.link:
            return f"link {self.link}"
        if self.source is None:
            return f"folder {self.mode:o}"
        content = digest_bytes(self.source) if isinstance(self.source, bytes) else digest_file(self.source)
        return f"file {self.mode:o} {content}"


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """A layer that is in the store. diff_id: sha256 uncompressed. built: it was not there before."""

    diff_id: str
    digest: str
    size: int
    unpacked: int
    built: bool = False

    def descriptor(self) -> Descriptor:
        """As a manifest names it."""
        return Descriptor(media_type=LAYER, digest=self.digest, size=self.size)


def build(blobs: Blobs, entries: Iterable[Entry], *, key: str = "", level: int = 6) -> Layer:
    """The layer of these entries in the store.

    key: what the content is a function of, when that is known without reading it: a layer of the same key is taken as it
    is, and the entries are not looked at.
    level: of compression, 1 (fast) to 12. Raises ToolError when the disk is full.
    """
    listed = [] if key else sorted(entries, key=lambda e: e.path)
    name = digest_bytes(f"{_FORMAT} {level} {key or _content(listed)}".encode())
    known = _known(blobs, name)
    if known is not None:
        return known
    layer = _write(blobs, listed or sorted(entries, key=lambda e: e.path), level)
    write_atomic(_note(blobs, name), msgspec.json.encode(layer))
    return msgspec.structs.replace(layer, built=True)


def of_folder(folder: Path, target: str, *, skip: frozenset[str] = frozenset()) -> Iterator[Entry]:
    """Entries of everything below a folder, at ``target`` in the image; ``skip``: names that are left out."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if skip.isdisjoint(inside.parts):
            yield _of_path(path, f"{target.strip('/')}/{inside.as_posix()}")


def _of_path(path: Path, name: str) -> Entry:
    if path.is_symlink():
        return Entry(name, link=str(path.readlink()), mode=0o777)
    if path.is_dir():
        return Entry(name, mode=0o755)
    return Entry(name, path, mode=0o755 if path.stat().st_mode & 0o111 else 0o644)


def _content(entries: list[Entry]) -> str:
    return "\n".join(f"{e.path} {e.digest()}" for e in entries)


def _note(blobs: Blobs, name: str) -> Path:
    return blobs.folder / "layers" / name[:32]


def _known(blobs: Blobs, name: str) -> Layer | None:
    try:
        layer = msgspec.json.decode(_note(blobs, name).read_bytes(), type=Layer)
        os.utime(_note(blobs, name))
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None
    return layer if blobs.has(layer.digest, layer.size) else None


def _write(blobs: Blobs, entries: list[Entry], level: int) -> Layer:
    try:
        with blobs.incoming() as incoming:
            packed = GzipWriter(incoming.file, level)
            try:
                _tar(packed, entries)
            finally:
                packed.close()
            incoming.keep(packed.digest)
    except OSError as error:
        raise unwritable(blobs.folder, error) from error
    return Layer(diff_id=packed.diff_id, digest=packed.digest, size=packed.packed_bytes, unpacked=packed.plain_bytes)


def _tar(out: GzipWriter, entries: list[Entry]) -> None:
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 20, copybufsize=1 << 20) as tar:  # type: ignore[call-overload]
        for folder in _parents(entries):
            tar.addfile(_info(folder))
        for entry in entries:
            _add(tar, entry)


def _parents(entries: list[Entry]) -> list[Entry]:
    """Folders that no entry names, so that they do not get an engine's default rights."""
    named = {e.path for e in entries}
    needed = {str(p) for e in entries for p in Path(e.path).parents if str(p) != "."}
    return [Entry(path, mode=0o755) for path in sorted(needed - named)]


def _add(tar: tarfile.TarFile, entry: Entry) -> None:
    info = _info(entry)
    if isinstance(entry.source, bytes):
        info.size = len(entry.source)
        tar.addfile(info, io.BytesIO(entry.source))
    elif isinstance(entry.source, Path):
        with entry.source.open("rb") as content:
            info.size = os.fstat(content.fileno()).st_size
            tar.addfile(info, content)
    else:
        tar.addfile(info)


def _info(entry: Entry) -> tarfile.TarInfo:
    """uid, gid and time are 0 for every entry; names of owners are not written."""
    info = tarfile.TarInfo(entry.path)
    info.mode = entry.mode
    info.mtime = info.uid = info.gid = 0
    if entry.link:
        info.type, info.linkname = tarfile.SYMTYPE, entry.link
    elif entry.source is None:
        info.type = tarfile.DIRTYPE
    return info
