"""Archives of trained models, unpacked whole or not at all: zip, tar, and the compressed tar that calls itself ``.zip``."""

from __future__ import annotations

import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.core.files import unwritable

_ROOM = 1 << 30  # bytes that any archive may hold
_RATIO = 100  # times its own size, beyond that
_MOST_FILES = 100_000
_SHOWN = 10


@dataclass(frozen=True)
class _Entry:
    """name: as written. kind: file, folder, or what is refused. size: bytes that are said to be in it."""

    name: str
    kind: str
    size: int


def unpack(archive: Path, target: Path) -> Path:
    """Unpack into ``target`` (must not be there yet), which appears only when all is in it.

    Raises ConfigurationError with everything that is wrong: paths that leave the folder, links, devices, names that are
    there twice, more content than can be in an archive of its size (a bomb), or no archive at all.
    """
    most = max(_ROOM, archive.stat().st_size * _RATIO)
    reader = _Zip(archive) if zipfile.is_zipfile(archive) else _Tar(archive, most)
    where = archive.name
    try:
        if problems := list(_wrong(reader.entries(), most, where)):
            raise ConfigurationError(problems)
        return _written(reader, target, most, where)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        what = f"is no zip, tar or compressed tar, or is damaged ({error})"
        raise ConfigurationError(what, where=where, todo="fetch it again") from error
    except OSError as error:
        if error.filename is None and not isinstance(error, FileExistsError):  # gzip tells of damage in this way
            raise ConfigurationError(f"is damaged ({error})", where=where, todo="fetch it again") from error
        raise unwritable(target, error) from error


def _wrong(entries: Iterable[_Entry], most: int, where: str) -> Iterator[Problem]:
    seen: set[str] = set()
    total, told = 0, 0
    for count, entry in enumerate(entries, 1):
        total += entry.size
        if count > _MOST_FILES or total > most:
            yield Problem(
                f"holds more than it may ({total:,} bytes, {count:,} files; {most:,} bytes and {_MOST_FILES:,} files are allowed)",
                where, "it is a bomb, or unpack it yourself and name the folder",
            )  # fmt: skip
            return
        if (what := _refused(entry, seen)) and (told := told + 1) <= _SHOWN:
            yield Problem(f"{entry.name!r} {what}", where, "archive plain files with relative paths")
        seen.add(str(PurePosixPath(entry.name)))
    if told > _SHOWN:
        yield Problem(f"{told - _SHOWN} more such entries", where)


def _refused(entry: _Entry, seen: set[str]) -> str:
    path = PurePosixPath(entry.name)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.name or ":" in entry.name or "\0" in entry.name:
        return "is a path that leaves the folder"
    if entry.kind not in ("file", "folder"):
        return f"is a {entry.kind}"
    return "is there twice" if entry.kind == "file" and str(path) in seen else ""


def _written(reader: _Zip | _Tar, target: Path, most: int, where: str) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=target.parent))
    try:
        left = most
        for name, content in reader.files():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as out:
                while piece := content.read(min(1 << 20, left + 1)):
                    left -= len(piece)
                    if left < 0:
                        raise ConfigurationError(
                            f"holds more than it says, over {most:,} bytes", where=where, todo="it is a bomb"
                        )
                    out.write(piece)
        made.chmod(0o755)
        made.rename(target)
        return target
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


class _Zip:
    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> Iterator[_Entry]:
        with zipfile.ZipFile(self._path) as archive:
            for item in archive.infolist():
                kind = (
                    "folder" if item.is_dir() else "symbolic link" if stat.S_ISLNK(item.external_attr >> 16) else "file"
                )
                yield _Entry(item.orig_filename, kind, item.file_size)

    def files(self) -> Iterator[tuple[str, IO[bytes]]]:
        with zipfile.ZipFile(self._path) as archive:
            for item in (i for i in archive.infolist() if not i.is_dir()):
                with archive.open(item) as content:
                    yield item.filename, content


class _Tar:
    def __init__(self, path: Path, most: int) -> None:
        self._path, self._most = path, most

    def entries(self) -> Iterator[_Entry]:
        """As they come: whoever sums them up may stop before the whole archive was unpacked."""
        with self._open() as archive:
            for item in archive:
                kinds = (
                    (item.isfile, "file"),
                    (item.isdir, "folder"),
                    (item.issym, "symbolic link"),
                    (item.islnk, "hard link"),
                )
                yield _Entry(item.name, next((kind for test, kind in kinds if test()), "device"), item.size)

    def files(self) -> Iterator[tuple[str, IO[bytes]]]:
        with self._open() as archive:
            for item in archive:
                content = archive.extractfile(item) if item.isfile() else None
                if content is not None:
                    with content:
                        yield item.name, content

    @contextmanager
    def _open(self) -> Iterator[tarfile.TarFile]:
        with tarfile.open(self._path, "r:*") as archive:
            yield archive
