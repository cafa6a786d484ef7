"""What a model's files name: classes, functions, columns; two models with the same vocabulary use the same code."""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from pathlib import Path

from legion_ci.core.files import digest_bytes, digest_file, digest_tree

_LARGEST = 20 << 20  # bytes; the words of larger pickles take longer to read than a proof takes
_SAMPLES = ("head_input.", "head_output.")
_NAMING = ("MLmodel", "legion.project.yaml", "conda.yaml", "python_env.yaml", "requirements.txt")  # run ids and times


def of(artefact: Path) -> str:
    """A digest of all names that the artefact's files hold. Files that cannot be read that way count whole."""
    model = artefact / "legion_model"
    words = [f"{path.relative_to(model).as_posix()} {_of_file(path)}" for path in _files(model)]
    beside = artefact.with_name("accelerated")
    return digest_bytes("\n".join([*words, digest_tree(beside) if beside.is_dir() else ""]).encode())


def _files(model: Path) -> Iterator[Path]:
    for path in sorted(p for p in model.rglob("*") if p.is_file()):
        if not path.name.startswith(_SAMPLES) and path.name not in _NAMING:
            yield path


def _of_file(path: Path) -> str:
    if path.suffix not in (".pkl", ".pickle") or path.stat().st_size > _LARGEST:
        return digest_file(path)
    try:
        return digest_bytes("\0".join(sorted(_words(path.read_bytes()))).encode(errors="surrogatepass"))
    except Exception:  # not a plain pickle: pickletools raises whatever it meets
        return digest_file(path)


def _words(pickled: bytes) -> set[str]:
    return {argument for _, argument, _ in pickletools.genops(pickled) if isinstance(argument, str)}
