"""Our own wheel, packed again from the installed code, so that models' environments run exactly this version.

Same code, same bytes: fixed times, sorted names, no compression that depends on a library's version.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import legion_ci
from legion_ci.core.files import digest_bytes, write_atomic

_EPOCH = (1980, 1, 1, 0, 0, 0)
_SKIP = {".pyc", ".pyo"}


def name() -> str:
    """File name of the wheel."""
    return f"legion_ci-{legion_ci.__version__}-py3-none-any.whl"


def write(folder: Path) -> Path:
    """Write the wheel into ``folder`` and return its path."""
    path = folder / name()
    content = _content()
    if not path.is_file() or path.read_bytes() != content:
        write_atomic(path, content)
    return path


def digest() -> str:
    """sha256 of the wheel."""
    return digest_bytes(_content())


@cache
def _content() -> bytes:
    import io

    buffer = io.BytesIO()
    entries = {**_code(), **_metadata()}
    info = f"legion_ci-{legion_ci.__version__}.dist-info"
    entries[f"{info}/RECORD"] = _record(entries, f"{info}/RECORD")
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(entries):
            item = zipfile.ZipInfo(path, _EPOCH)
            item.external_attr = 0o100644 << 16
            archive.writestr(item, entries[path])
    return buffer.getvalue()


def _code() -> dict[str, bytes]:
    root = Path(legion_ci.__file__).parent
    files = (p for p in root.rglob("*") if p.is_file() and p.suffix not in _SKIP and "__pycache__" not in p.parts)
    return {f"legion_ci/{p.relative_to(root).as_posix()}": p.read_bytes() for p in files}


def _metadata() -> dict[str, bytes]:
    dist = distribution("legion-ci")
    info = f"legion_ci-{legion_ci.__version__}.dist-info"
    kept = {f"{info}/{n}": text.encode() for n in ("METADATA", "entry_points.txt") if (text := dist.read_text(n))}
    kept[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: legion-ci\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    return kept


def _record(entries: dict[str, bytes], record: str) -> bytes:
    def line(path: str) -> str:
        value = base64.urlsafe_b64encode(hashlib.sha256(entries[path]).digest()).rstrip(b"=").decode()
        return f"{path},sha256={value},{len(entries[path])}"

    return "\n".join([*(line(p) for p in sorted(entries)), f"{record},,", ""]).encode()
