"""Models that become images: small ones, with a lock that can really be installed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import msgspec
from serving_artefacts import gppi

from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.oci import layout
from legion_ci.oci.blobs import shared
from legion_ci.oci.document import Descriptor, encode
from legion_ci.oci.image import Built
from legion_ci.package.image import bases
from legion_ci.package.image.packager import CliPackager, RestPackager
from legion_ci.package.locks import extend
from legion_ci.package.protocol import Job, Packed
from legion_ci.results import ModelRef, Provenance, TrainResult
from legion_ci.store import artefacts, manifest

QUIET = Tools(progress=Progress(quiet=True))
ADDER = """
def init():
    return "matrix"

def predict_on_matrix(input_matrix, provided_columns_names=None):
    return [[row[0] + row[1]] for row in input_matrix], ("result",)

def info():
    column = {"type": "number", "example": 1, "required": True}
    return [{"name": "a", **column}, {"name": "b", **column}], [{"name": "result", **column}]
"""
_PACKAGES = ("granian", "msgspec", "pyyaml", "invoke", "pydantic")
_SAMPLE = {"columns": ["a", "b"], "types": {"a": "number", "b": "number"}, "data": [[1.0, 2.0], [0.5, 0.25]]}
_ANSWER = {"columns": ["result"], "types": {"result": "number"}, "data": [[3.0], [0.75]]}


@cache
def lock(folder: Path) -> str:
    """A lock of what the server needs, in the versions that are installed here."""
    empty = folder / "empty.lock"
    empty.write_text("")
    return extend(empty, _PACKAGES, folder / "server.lock", QUIET).read_text()


def adder(root: Path, locks: Path, version: str = "1", source: str = ADDER, answer: object = None) -> Path:
    """An artefact that adds two numbers, with its samples and lock. locks: where the lock is made."""
    gppi(root, source)
    model = root / manifest.MODEL_DIR
    (model / "head_input.json").write_text(json.dumps(_SAMPLE))
    (model / "head_output.json").write_text(json.dumps(answer or _ANSWER))
    (model / "requirements.lock").write_text(lock(locks))
    text = (root / "legion.project.yaml").read_text()
    (root / "legion.project.yaml").write_text(f"{text}# build {version}\n")
    return root


def job(artefact: Path, target: Path, version: str = "1", tools: Tools = QUIET) -> Job:
    """What the packager is given of an artefact."""
    target.mkdir(parents=True)
    model = ModelRef(name="adder", version=version, artefact=artefacts.of_folder(artefact), run_id="0" * 32)
    provenance = Provenance(commit="c" * 40, data={"train": "d" * 64})
    trained = TrainResult(model=model, tracking_uri="sqlite://", experiment="adder", provenance=provenance)
    return Job(trained, artefact, target, tools)


def rest(job: Job, **settings: object) -> Packed:
    """An image by ``docker-rest``."""
    return RestPackager().package(RestPackager.Settings(use="docker-rest", **settings), job)


def cli(job: Job, **settings: object) -> Packed:
    """An image by ``docker-cli``."""
    return CliPackager().package(CliPackager.Settings(use="docker-cli", **settings), job)


def base_of_two_platforms() -> Descriptor:
    """An index in the shared store: this machine's base, and the same called arm64, which is never run."""
    blobs = shared()
    native = bases.find("debian", "", blobs, None, QUIET).built
    other = dict(native.document, architecture="arm64")
    config = blobs.put(encode(other), native.manifest.config.media_type)
    manifest = msgspec.structs.replace(native.manifest, config=config)
    described = blobs.put(encode(manifest), native.descriptor.media_type)
    return layout.join(blobs, [native, Built(described, manifest, other)])
