"""The deploy stage on a container engine: packages are tiny images."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import ClassVar

import docker
from deploy_stage import Package, Stage
from docker_engine import containers, docker_place, tiny_image

from legion_ci.deploy.docker import names
from legion_ci.deploy.docker.deployer import DockerSettings
from legion_ci.deploy.protocol import Place
from legion_ci.results import Artefact, ModelRef, PackageResult, TrainResult
from legion_ci.settings.schema import DeploySettings
from legion_ci.store import artefacts


class DockerStage(Stage):
    """The stage with a place and a model repository of its own."""

    settings: ClassVar[type[DeploySettings]] = DockerSettings

    def made_place(self) -> Place:
        """Where it deploys."""
        return docker_place(self.site)

    def package(self, version: str, *more: str) -> Package:  # type: ignore[override]
        """An image of that version; more: options that its server is started with."""
        folder = self.folder / f"image-{version}"
        folder.mkdir()
        tiny_image(folder, f"legion-tiny:{version}", *more, files={"version": version})
        return image_package(folder, version)

    def container(self, client: docker.DockerClient, server: str):  # type: ignore[no-untyped-def]
        """The container of a server of this site."""
        return containers(client, self.site, f"{names.NAME}={server}")[0]


def image_package(folder: Path, version: str) -> Package:
    """What the stage is given of a folder with an image."""
    artefact = Artefact(uri="file:///nowhere", digest=hashlib.sha256(version.encode()).hexdigest())
    model = ModelRef(name="wine", version=version, artefact=artefact)
    packaged = PackageResult(kind="docker-rest", package=artefacts.of_folder(folder), model=model)
    return Package(TrainResult(model=model, tracking_uri="sqlite://", experiment="wine"), packaged, folder)
