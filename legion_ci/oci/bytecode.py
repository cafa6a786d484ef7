"""Compiled modules that do not depend on when and where they were compiled."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from legion_ci.core.errors import ToolError

_PROGRAM = Path(__file__).with_name("compile_modules.py")


def version() -> str:
    """``3.11`` of this Python."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def python() -> str:
    """This Python, as far as compiled modules depend on it."""
    return f"{sys.implementation.cache_tag} {importlib.util.MAGIC_NUMBER.hex()}"


def cached(path: Path) -> Path:
    """Where Python looks for the compiled form of a module."""
    return path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"


def write(modules: Sequence[tuple[Path, str, Path]]) -> None:
    """Compile (source file, path in the image, target file) by this Python, on two processors.

    Modules that do not compile are left out. Raises ToolError when a target cannot be written.
    """
    for process in [_start(half) for half in (modules[0::2], modules[1::2]) if half]:
        said = process.stderr.read() if process.stderr else ""
        if process.wait():
            last = (said.strip().splitlines() or ["no message"])[-1]
            raise ToolError(
                f"modules could not be compiled ({last})", where="package", todo="free some space, try again"
            )


def _start(modules: Sequence[tuple[Path, str, Path]]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(_PROGRAM)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    with process.stdin as told:  # it reads all before it begins
        json.dump([[str(source), name, str(target)] for source, name, target in modules], told)
    return process
