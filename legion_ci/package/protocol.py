"""The protocol of packagers: given an artefact folder, make something that runs elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from legion_ci.core.errors import OrderError
from legion_ci.core.tools import Tools
from legion_ci.results import Artefact, Image, ModelRef, TrainResult
from legion_ci.settings.schema import PackageSettings

LOCK = "requirements.lock"


@dataclass(frozen=True)
class Job:
    """What a packager is given. artefact: the trained folder. target: an empty folder to write into.

    accelerated: given by choice only: a folder that must lie beside the artefact in the package, as ``accelerated/``, and
    whose ``requirements.lock`` is installed instead of the artefact's. find_links: folders of wheels.
    """

    trained: TrainResult
    artefact: Path
    target: Path
    tools: Tools
    accelerated: Path | None = None
    find_links: tuple[str, ...] = ()

    @property
    def model(self) -> ModelRef:
        """The trained model."""
        return self.trained.model

    @property
    def lock(self) -> Path:
        """The packages to install; raises OrderError when the artefact has none."""
        lock = self.accelerated / LOCK if self.accelerated else self.artefact / "legion_model" / LOCK
        if not lock.is_file():
            raise OrderError(
                f"the artefact has no {LOCK}", where=self.model.artefact.uri, todo="train it with legion-ci train"
            )
        return lock


@dataclass(frozen=True)
class Packed:
    """What a packager made. image: when it is one."""

    package: Artefact
    image: Image | None = None


class Packager(Protocol):
    """A plug-in of the group ``packagers``. ``Settings`` extends the ``package`` section."""

    Settings: ClassVar[type[PackageSettings]]

    def package(self, settings: PackageSettings, job: Job) -> Packed:
        """Package the artefact into ``job.target``; same inputs, same bytes."""
