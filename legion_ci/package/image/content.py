"""The layers of a model's image: packages, our code, their compiled form, and the model last."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from legion_ci.core import wheel
from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import digest_bytes, digest_tree
from legion_ci.oci import bytecode
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.layer import Entry, Layer, build, of_folder
from legion_ci.package.image import dependencies, proof, server
from legion_ci.package.image.bases import Base
from legion_ci.package.protocol import Job

MODEL = "opt/legion/model"
_KEPT, _CHANGING = 6, 1  # compression: of layers that many images share, and of those that are new each time


@dataclass(frozen=True)
class Content:
    """layers: with what each is. rows: of the training-time sample that the proof predicted; None: not run here."""

    layers: tuple[tuple[str, Layer], ...]
    rows: int | None
    folders: tuple[tuple[Path, str], ...]


def make(job: Job, base: Base, blobs: Blobs, build_image: str | None, *, native: bool) -> Content:
    """The layers above a base. native: this machine can run it, so that the content is proved by a prediction.

    Raises ConfigurationError when the base has another Python than the model was trained with.
    """
    _require_same_python(base)
    platform = base.built.platform
    if build_image and not native:
        raise ConfigurationError(
            f"packages are built for this machine's platform, not for {platform}", where="package.build_image",
            todo="leave out that platform, or use versions that have wheels",
        )  # fmt: skip
    wanted = dependencies.Wanted(job.lock, base.version, platform, job.find_links, build_image)
    packages = dependencies.installed(wanted, job.tools)
    code = server.unpacked()
    about = f"{wanted.key} {wheel.digest()}"
    with ThreadPoolExecutor(2) as pool, _beside(job) as artefact:  # layers are written while the proof predicts
        shared = [pool.submit(_packages_layer, blobs, wanted.key, packages), pool.submit(_server_layer, blobs, code)]
        model = pool.submit(_model_layer, job, blobs)
        proved = proof.known_or_proved(packages, code, about, artefact, job.tools) if native else None
        layers = list(zip(("locked packages", "server"), (layer.result() for layer in shared), strict=True))
        if proved:
            layers.append(("bytecode", _bytecode_layer(blobs, about, proved, packages, code)))
        layers.append(("model", model.result()))
    return Content(
        tuple(layers), proved.rows if proved else None, ((packages, dependencies.PLACE), (code, server.PLACE))
    )


@contextmanager
def _beside(job: Job) -> Iterator[Path]:
    """The artefact with its accelerated form beside it, as in the image."""
    if job.accelerated is None:
        yield job.artefact
        return
    with TemporaryDirectory() as scratch:
        for name, folder in (("artefact", job.artefact), ("accelerated", job.accelerated)):
            (Path(scratch) / name).symlink_to(folder.resolve(), target_is_directory=True)
        yield Path(scratch) / "artefact"


def _packages_layer(blobs: Blobs, key: str, packages: Path) -> Layer:
    return build(blobs, dependencies.entries(packages), key=f"packages {key}", level=_KEPT)


def _server_layer(blobs: Blobs, code: Path) -> Layer:
    return build(blobs, server.entries(code), key=f"server {wheel.digest()}", level=_KEPT)


def _model_layer(job: Job, blobs: Blobs) -> Layer:
    beside = digest_tree(job.accelerated) if job.accelerated else ""
    return build(blobs, _model(job), key=f"model {job.model.artefact.digest} {beside}", level=_CHANGING)


def _model(job: Job) -> Iterator[Entry]:
    yield from of_folder(job.artefact, f"{MODEL}/artefact")
    if job.accelerated:
        yield from of_folder(job.accelerated, f"{MODEL}/accelerated")


def _bytecode_layer(blobs: Blobs, about: str, proved: proof.Proof, packages: Path, code: Path) -> Layer:
    """Compiled forms of what the server and the model really load: the rest would double the image for nothing."""
    modules = [
        (folder / name, f"/{place}/{name}", bytecode.cached(folder / name))
        for folder, place, names in (
            (packages, dependencies.PLACE, proved.packages),
            (code, server.PLACE, proved.server),
        )
        for name in names
        if name.endswith(".py")
    ]
    key = digest_bytes("\n".join([about, bytecode.python(), *(name for _, name, _ in modules)]).encode())

    def entries() -> Iterator[Entry]:
        bytecode.write([m for m in modules if not m[2].is_file()])
        for _, name, compiled in modules:
            if compiled.is_file():
                yield Entry(str(bytecode.cached(Path(name))).strip("/"), compiled)

    return build(blobs, entries(), key=f"bytecode {key}", level=_KEPT)


def _require_same_python(base: Base) -> None:
    if base.version != bytecode.version():
        raise ConfigurationError(
            f"the base image has Python {base.version}, and the model was locked for Python {bytecode.version()}",
            where="package.base", todo=f"train with Python {base.version}, or name a base image with {bytecode.version()}",
        )  # fmt: skip
