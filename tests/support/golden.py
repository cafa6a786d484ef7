"""Golden files: what a program wrote once, read and found right by a person, and must write again."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

FLAG = "LEGION_GOLDEN_UPDATE"
_MOST_LINES = 60


def check(path: Path, text: str) -> None:
    """Fail with a difference unless ``text`` is the file's content; with LEGION_GOLDEN_UPDATE=1 it becomes the content."""
    if os.environ.get(FLAG) == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return
    expected = path.read_bytes().decode() if path.is_file() else None
    if expected == text:
        return
    if expected is None:
        pytest.fail(f"there is no golden file {path}; look at what is written, then run with {FLAG}=1")
    lines = list(difflib.unified_diff(expected.splitlines(), text.splitlines(), str(path), "now", lineterm="", n=2))
    more = [f"… {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
    shown = "\n".join(line[:300] for line in [*lines[:_MOST_LINES], *more])
    pytest.fail(
        f"{path.name} differs from its golden file (right now? {FLAG}=1 takes it over):\n{shown}", pytrace=False
    )
