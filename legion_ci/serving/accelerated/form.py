"""An accelerated form on disk: the folder beside an artefact with ``model.onnx`` and what is known of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import digest_file, write_atomic

FOLDER, MODEL, FACTS, GAIN = "accelerated", "model.onnx", "accelerated.json", "gain.json"


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared. rows: of the sample, drawn at random, at the splits of trees. largest: difference found.

    Differences are absolute below 1, relative above. ties: labels that differ where the model's own two best classes are
    within the tolerance of each other.
    """

    sample_rows: int
    random_rows: int
    split_rows: int
    largest: float
    ties: int
    seed: int


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """artefact, sha256: digests of the artefact and of the file. inputs: the columns in the order that it takes.

    outputs: names of the predicted columns. matrix: one input for all columns, else one for each. width: of its numbers.
    """

    artefact: str
    sha256: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    matrix: bool
    width: Literal["float64", "float32"]
    tolerance: float
    proof: Proof
    kind: Literal["onnx"] = "onnx"
    schema_version: int = 1


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """Time of the model's own call over that of the accelerated form: geometric mean of pairs, 95 % interval."""

    rows: int
    plain_us: float
    accelerated_us: float
    ratio: float
    lower: float
    upper: float
    pairs: int


def write(folder: Path, form: Form, model: bytes) -> None:
    """Write both files; the facts last."""
    write_atomic(folder / MODEL, model)
    write_atomic(folder / FACTS, msgspec.json.format(msgspec.json.encode(form), indent=1) + b"\n")


def beside(root: Path) -> Path | None:
    """The folder of the accelerated form that was packaged with an artefact; None when there is none."""
    folder = root.parent / FOLDER
    return folder if (folder / FACTS).is_file() else None


def read(folder: Path, artefact: str = "") -> Form:
    """What is known of a form. artefact: the digest that it must belong to, when known.

    Raises ConfigurationError when it is another model's, or not the file that was proved.
    """
    path, todo = folder / FACTS, "package the model again"
    try:
        form = msgspec.json.decode(path.read_bytes(), type=Form)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigurationError(f"cannot be read ({error})", where=str(path), todo=todo) from error
    if artefact and form.artefact != artefact:
        what = f"is the form of another artefact ({form.artefact[:12]}, this is {artefact[:12]})"
        raise ConfigurationError(what, where=str(path), todo=todo)
    model = folder / MODEL
    found = digest_file(model) if model.is_file() else "no file"
    if found != form.sha256:
        what = f"is not the file that was proved (sha256 {found[:12]}, proved {form.sha256[:12]})"
        raise ConfigurationError(what, where=str(model), todo=todo)
    return form
