"""Packages that were never trained, and a place to deploy them where tiny servers stand for model servers."""

from __future__ import annotations

import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import msgspec
from deploy_gateway import QUIET
from deploy_site import SERVER, ask

from legion_ci.core.files import digest_tree
from legion_ci.core.site import Site
from legion_ci.deploy import stage
from legion_ci.deploy.local import LocalSettings
from legion_ci.deploy.protocol import Place
from legion_ci.gateway import apply, routes
from legion_ci.results import Artefact, DeployResult, ModelRef, PackageResult, TrainResult, Verdict
from legion_ci.settings.schema import DeploySettings
from legion_ci.store import artefacts


def tiny_place(site: Site, folder: Path) -> Place:
    """A place whose environments and collector are the tiny server."""
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{SERVER}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    collector = (sys.executable, str(SERVER), "--deployment", "collector")
    return Place(site=site, tools=QUIET, environment=lambda lock: python, collector=collector)


@dataclass
class Package:
    """A bundle with what the stage is given of it."""

    trained: TrainResult
    packaged: PackageResult
    folder: Path

    @property
    def deployment(self) -> str:
        """Its deployment id."""
        return f"wine-{self.trained.model.artefact.digest[:8]}"


def package(folder: Path, version: str, files: Mapping[str, str] | None = None) -> Package:
    """A bundle whose content, and so digest and deployment, depend on the version."""
    bundle = folder / f"bundle-{version}"
    for name, text in {"legion.project.yaml": f"version: {version}", **(files or {})}.items():
        path = bundle / "artefact" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (bundle / "requirements.lock").write_text("")
    artefact = Artefact(uri=(bundle / "artefact").as_uri(), digest=digest_tree(bundle / "artefact"))
    model = ModelRef(name="wine", version=version, artefact=artefact)
    trained = TrainResult(model=model, tracking_uri="sqlite://", experiment="wine")
    packaged = PackageResult(kind="bundle", package=artefacts.of_folder(bundle), model=model)
    return Package(trained, packaged, bundle)


@dataclass
class Stage:
    """The stage with a place and a model repository of its own."""

    site: Site
    folder: Path
    settings: ClassVar[type[DeploySettings]] = LocalSettings

    def __post_init__(self) -> None:
        self.repository = self.folder / "repository"
        self.repository.mkdir()
        self.place = self.made_place()
        self.url = ""

    def made_place(self) -> Place:
        """Where it deploys."""
        return tiny_place(self.site, self.folder)

    def tests(self, text: str) -> None:
        """Write the team's acceptance tests."""
        (self.repository / "accept.py").write_text(text)

    def deploy(self, packaged: Package, *, first: bool = False, **settings: object) -> DeployResult:
        """Run the stage."""
        result = stage.run(
            self.settings(**settings),
            packaged=packaged.packaged,
            trained=packaged.trained,
            site=self.site,
            folder=self.repository,
            work=self.folder / "work",
            first=first,
            tools=QUIET,
            place=self.place,
        )
        self.url = result.url
        return result

    def live(self, packaged: Package, **settings: object) -> DeployResult:
        """Run the stage for the first model and then give it all traffic, as promote does; the result says so."""
        result = self.deploy(packaged, first=True, **settings)
        if result.verdict is not Verdict.PASS:
            return result
        now = apply.change(self.site, lambda r: routes.promote(r, packaged.deployment), tools=QUIET)
        return msgspec.structs.replace(result, share=now.share(packaged.deployment), champion=now.champion)

    def package(self, version: str, **files: str) -> Package:
        """A bundle of that version."""
        return package(self.folder, version, files)

    def serving(self) -> object:
        """The deployment that answers users, None when nobody does."""
        answer = ask(self.url)
        return answer.told["deployment"] if answer.status == 200 else None
