"""The protocol of packagers: given an artefact folder, make something that runs elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Protocol

from legion_ci.core.tools import Tools
from legion_ci.results import Artefact, ModelRef
from legion_ci.settings.schema import PackageSettings


class Packager(Protocol):
    """A plug-in of the group ``packagers``. ``Settings`` extends the ``package`` section."""

    Settings: ClassVar[type[PackageSettings]]

    def package(
        self,
        settings: PackageSettings,
        model: ModelRef,
        artefact: Path,
        target: Path,
        tools: Tools,
        accelerated: Path | None = None,
    ) -> Artefact:
        """Package the artefact folder into ``target`` (empty); same inputs, same bytes.

        accelerated: given by choice only: a folder that must lie beside the artefact in the package, as ``accelerated/``,
        and whose ``requirements.lock`` is installed instead of the artefact's.
        """
