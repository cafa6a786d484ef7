"""Digests of large files, remembered by path, size, time and inode, as Git's index does."""

from __future__ import annotations

import json
import time
from pathlib import Path

from legion_ci.core.files import digest_file, write_atomic

_SETTLED_S = 2.0  # a file changed this recently may change again within its time stamp's resolution


class DigestCache:
    """sha256 of files below one model repository; kept in its ``.legion/cache``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".legion" / "cache" / "digests.json"

    def file(self, path: Path) -> str:
        """sha256 of the file's content, read only when size, time or inode changed."""
        stat = path.stat()
        key, mark = str(path.resolve()), [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        known = self._read()
        if (entry := known.get(key)) and entry[:3] == mark:
            return str(entry[3])
        digest = digest_file(path)
        if time.time() - stat.st_mtime > _SETTLED_S:
            write_atomic(self._path, json.dumps({**known, key: [*mark, digest]}))
        return digest

    def _read(self) -> dict[str, list[object]]:
        try:
            known = json.loads(self._path.read_bytes())
            return known if isinstance(known, dict) else {}
        except (OSError, ValueError):
            return {}
