"""Lets a model's own code be imported from its artefact without leaving byte code in it.

A ``__pycache__`` in the artefact would change its digest.
"""

from __future__ import annotations

import sys
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from pathlib import Path
from typing import Any


class _Uncached(SourceFileLoader):
    """Loads Python source and writes nothing."""

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Byte code is thrown away."""


def make_importable(model_dir: Path, *folders: Path) -> None:
    """Put ``folders`` first on ``sys.path``; imports from anywhere below ``model_dir`` write no byte code."""
    inside = model_dir.resolve()

    def hook(path: str) -> FileFinder:
        if not Path(path).resolve().is_relative_to(inside):
            raise ImportError(path)
        return FileFinder(path, (ExtensionFileLoader, EXTENSION_SUFFIXES), (_Uncached, SOURCE_SUFFIXES))

    sys.path_hooks.insert(0, hook)
    for folder in reversed([f for f in folders if f.is_dir()]):
        sys.path_importer_cache.pop(str(folder), None)
        sys.path.insert(0, str(folder))


def forget_working_folder() -> None:
    """Take the folder that ``python -m`` put first off ``sys.path``, unless we ourselves live there.

    A stray ``json.py`` or ``model.py`` in whatever folder the server was started from must not be imported.
    """
    here = Path.cwd().resolve()
    ours = Path(__file__).resolve().parents[2]
    if sys.path and Path(sys.path[0] or ".").resolve() == here != ours:
        del sys.path[0]
