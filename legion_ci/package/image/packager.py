"""Packagers ``docker-rest`` and ``docker-cli``: a model as a container image, made without a daemon."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import legion_ci
from legion_ci.core.errors import ConfigurationError
from legion_ci.core.tools import Tools
from legion_ci.oci import engine, facts, layout, signature
from legion_ci.oci.blobs import Blobs, shared
from legion_ci.oci.credentials import login
from legion_ci.oci.document import EMPTY, Descriptor, Manifest, encode
from legion_ci.oci.image import Built, Run, assemble
from legion_ci.oci.reference import Reference, parse
from legion_ci.oci.registry import Registry
from legion_ci.package.image import bases, content, dockerfile, sbom, server, statement
from legion_ci.package.image.bases import Base
from legion_ci.package.image.settings import CliSettings, ImageSettings, RestSettings
from legion_ci.package.protocol import Job, Packed
from legion_ci.results import Image
from legion_ci.settings.schema import PackageSettings
from legion_ci.store import artefacts

FOLDER = "image"
_USER = "65532:65532"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class ImagePackager(ABC):
    """What both kinds of image share: layers, provenance, where the image goes."""

    Settings: ClassVar[type[PackageSettings]] = ImageSettings

    def package(self, settings: PackageSettings, job: Job) -> Packed:
        """Write ``target/image`` with ``image.json`` and, unless it is pushed, the image as an OCI layout."""
        assert isinstance(settings, ImageSettings)
        reference, blobs = _reference(settings, job), shared()
        registry = _registry(settings, reference, job)
        found = [bases.find(settings.base, p, blobs, registry, job.tools) for p in settings.platforms or ("",)]
        images = [self._image(settings, job, base, blobs, native=base.built.platform == bases.here()) for base in found]
        top = layout.join(blobs, images)
        attached = _attached(settings, job, reference, top, found, blobs)
        image = Image(
            reference=str(reference), digest=top.digest, config=images[0].manifest.config.digest,
            platforms=tuple(str(i.platform) for i in images), base=found[0].digest, pushed=registry is not None,
            size_bytes=sum(i.size for i in images),
            **{kind: d.digest for kind, d in attached.items()},
        )  # fmt: skip
        self._deliver(settings, job, blobs, top, attached, image, registry)
        if settings.dockerfile:
            dockerfile.write(job.target / "docker", blobs, images[0], _below(settings, found[0]))
        if settings.load:
            _load(blobs, images, image.reference, job.tools)
        return Packed(artefacts.of_folder(job.target / FOLDER), image)

    @abstractmethod
    def run(self, settings: ImageSettings, base: Base) -> Run:
        """How a container of the image runs."""

    def _image(self, settings: ImageSettings, job: Job, base: Base, blobs: Blobs, *, native: bool) -> Built:
        made = content.make(job, base, blobs, settings.build_image, native=native)
        run = self.run(settings, base)
        common = Run(
            entrypoint=run.entrypoint, command=run.command, user=_USER, ports=run.ports, health=run.health,
            environment={**_environment(settings), **run.environment}, labels={**_labels(job, base, made.rows), **settings.labels},
        )  # fmt: skip
        return assemble(blobs, base.built, base.built.platform, made.layers, common)

    def _deliver(
        self,
        settings: ImageSettings,
        job: Job,
        blobs: Blobs,
        top: Descriptor,
        attached: dict[str, Descriptor],
        image: Image,
        registry: Registry | None,
    ) -> None:
        folder, reference = job.target / FOLDER, parse(image.reference)
        if registry is None:
            layout.write(folder / facts.LAYOUT, blobs, top, image.reference, list(attached.values()))
        else:
            job.tools.progress.say(f"pushing {image.reference}")
            registry.push(blobs, top, "", job.tools)
            referring = [d for kind, d in attached.items() if kind != "signature"]
            registry.attach(blobs, top.digest, referring, job.tools)
            if signed := attached.get("signature"):
                registry.push(blobs, signed, signature.tag(top.digest), job.tools)
            registry.push(blobs, top, reference.tag, job.tools)  # the tag is last: it names what is all there
        facts.write(folder, image)


class RestPackager(ImagePackager):
    """``docker-rest``: the container serves the model with our server."""

    Settings: ClassVar[type[PackageSettings]] = RestSettings

    def run(self, settings: ImageSettings, base: Base) -> Run:
        """See the base class."""
        assert isinstance(settings, RestSettings)
        seconds = str(round(settings.timeout))
        health = f"/{server.PLACE}/legion_ci/serving/health.py"
        return Run(
            entrypoint=[
                base.python, "-P", "-m", "legion_ci.serving", "--model", f"/{content.MODEL}/artefact",
                "--host", settings.host, "--port", str(settings.port), "--workers", str(settings.workers),
                "--arrival-s", seconds, "--grace-s", seconds,
            ],
            ports=(settings.port,),
            health=(base.python, "-I", "-S", health, str(settings.port)),
        )  # fmt: skip


class CliPackager(ImagePackager):
    """``docker-cli``: the container predicts files."""

    Settings: ClassVar[type[PackageSettings]] = CliSettings

    def run(self, settings: ImageSettings, base: Base) -> Run:
        """See the base class."""
        return Run(
            entrypoint=[base.python, "-P", "-m", "legion_ci.serving.cli", "--model", f"/{content.MODEL}/artefact"]
        )


def _load(blobs: Blobs, images: Sequence[Built], name: str, tools: Tools) -> None:
    """Into the engine, of several platforms the one that it runs."""
    client = engine.connect()
    runs = str(engine.platform_of(client))
    engine.load(client, blobs, next((i for i in images if str(i.platform) == runs), images[0]), name, tools)


def _reference(settings: ImageSettings, job: Job) -> Reference:
    text = settings.image.format(
        model=job.model.name, version=job.model.version, digest=job.model.artefact.digest[:12],
        commit=job.trained.provenance.commit.replace(" ", "-"),
    )  # fmt: skip
    reference = parse(text, "package.image")
    if reference.digest:
        raise ConfigurationError("a digest cannot be chosen", where="package.image", todo="name a tag")
    if settings.push and not reference.registry:
        raise ConfigurationError(
            f"{text!r} names no registry to push to", where="package.image",
            todo="write registry.example/{model}:{version}, or leave out package.push",
        )  # fmt: skip
    return Reference(reference.registry, reference.repository, reference.tag or job.model.version)


def _below(settings: ImageSettings, base: Base) -> str:
    """The base by digest, when it is in a registry."""
    is_file = settings.base == bases.DEBIAN or settings.base.startswith(bases.FOLDER)
    return "" if is_file else str(parse(settings.base).at(base.digest))


def _registry(settings: ImageSettings, reference: Reference, job: Job) -> Registry | None:
    if not settings.push:
        return None
    who = login(reference.registry, settings.credentials, job.tools.secrets)
    return Registry(reference, who, insecure=settings.insecure)


def _environment(settings: ImageSettings) -> dict[str, str]:
    return {
        "PYTHONPATH": f"/{server.PLACE}:/opt/legion/packages",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": "/dev/shm",  # noqa: S108 - a read-only root has no other place
        **dict.fromkeys(_THREADS, str(settings.threads)),
    }


def _labels(job: Job, base: Base, rows: int | None) -> dict[str, str]:
    said = job.trained.provenance
    told = {
        "org.opencontainers.image.title": job.model.name,
        "org.opencontainers.image.version": job.model.version,
        "org.opencontainers.image.revision": "" if said.commit == "no commit" else said.commit,
        "org.opencontainers.image.base.digest": base.digest,
        "org.legion-ci.python": base.version,
        "org.legion-ci.model": job.model.name,
        "org.legion-ci.version": job.model.version,
        "org.legion-ci.digest": job.model.artefact.digest,
        "org.legion-ci.run": job.model.run_id,
        "org.legion-ci.build": said.build,
        "org.legion-ci.data": " ".join(f"{k}={v}" for k, v in sorted(said.data.items())),
        "org.legion-ci.proved": "" if rows is None else str(rows),
        "org.legion-ci.release": legion_ci.__version__,
        "org.legion-ci.layers": "1",
    }
    return {name: value for name, value in told.items() if value}


def _attached(
    settings: ImageSettings, job: Job, reference: Reference, top: Descriptor, found: Sequence[Base], blobs: Blobs
) -> dict[str, Descriptor]:
    """Bill of materials, provenance and signature, as manifests that refer to the image."""
    made = {
        "sbom": _referring(blobs, top, sbom.KIND, sbom.write(job.lock, found[0], job.model)),
        "provenance": _referring(
            blobs, top, statement.KIND, statement.write(job, settings.use, reference.name, top.digest, list(found))
        ),
    }
    if settings.sign:
        pem = job.tools.secrets.resolve(settings.sign, "package.sign").encode()
        made["signature"] = signature.sign(blobs, reference.name, top.digest, pem, "package.sign")
    return made


def _referring(blobs: Blobs, subject: Descriptor, kind: str, document: bytes) -> Descriptor:
    empty = blobs.put(b"{}", EMPTY)
    bare = Descriptor(media_type=subject.media_type, digest=subject.digest, size=subject.size)
    manifest = Manifest(config=empty, layers=(blobs.put(document, kind),), artifact_type=kind, subject=bare)
    return blobs.put(encode(manifest), manifest.media_type, artifact_type=kind)
