"""The proof of an image's content: from exactly those packages and that code the model predicts as when it was trained.

A proof is about packages, our code and what of them the model uses. It holds for a model that was trained again with the
same of all three; that one's own predictions are checked by the server before it says that it is ready.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

import msgspec

from legion_ci.core.errors import ToolError
from legion_ci.core.files import digest_bytes, write_atomic
from legion_ci.core.site import cache_home
from legion_ci.core.tools import Tools
from legion_ci.package.image import vocabulary

_PROGRAM = "legion_ci.serving.prove"
_OURS = ("PYTHON", "VIRTUAL_ENV")


class Proof(msgspec.Struct, frozen=True):
    """rows: of the training-time sample that were predicted alike. packages, server: files that were loaded from each."""

    rows: int
    packages: tuple[str, ...]
    server: tuple[str, ...]


def known_or_proved(packages: Path, server: Path, about: str, artefact: Path, tools: Tools) -> Proof:
    """The proof for a model that uses the same of the same packages, else a new one. about: digests of both folders."""
    note = cache_home() / "oci" / "proofs" / digest_bytes(f"{about} {vocabulary.of(artefact)}".encode())[:32]
    with contextlib.suppress(OSError, msgspec.DecodeError, msgspec.ValidationError):
        known = msgspec.json.decode(note.read_bytes(), type=Proof)
        note.touch()
        return known
    with tools.progress.waiting("a prediction with the image's packages"):
        proof = prove(packages, server, artefact, tools)
    write_atomic(note, msgspec.json.encode(proof))
    return proof


def prove(packages: Path, server: Path, artefact: Path, tools: Tools) -> Proof:
    """Predict the model's own sample in a fresh Python that sees nothing but these folders.

    artefact: with its accelerated form beside it, if it is to be served. Raises ToolError when a prediction differs.
    """
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "proof.json"
        variables = {k: "" for k in os.environ if k.startswith(_OURS)}
        path = os.pathsep.join((str(server), str(packages)))
        done = tools.shell.run(
            [sys.executable, "-S", "-P", "-m", _PROGRAM, "--model", artefact, "--output", out],
            env={**variables, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
        )
        if done.returncode:
            last = (done.stdout.strip().splitlines() or ["no message"])[-1]
            raise ToolError(f"in the image the model would not predict as it did when it was trained: {last}",
                            where="package", todo="train it again with the packages that it needs")  # fmt: skip
        told = json.loads(out.read_text())
    return Proof(told["rows"], _below(told["modules"], packages), _below(told["modules"], server))


def _below(modules: list[str], folder: Path) -> tuple[str, ...]:
    """Those modules' paths relative to a folder, sorted."""
    root = str(folder.resolve()) + os.sep
    return tuple(sorted(m.removeprefix(root) for m in modules if m.startswith(root)))
