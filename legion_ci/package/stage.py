"""Stage ``package``: fetch the trained artefact, let the packager make its package."""

from __future__ import annotations

import shutil
from pathlib import Path

from legion_ci.core import plugins
from legion_ci.core.tools import Tools
from legion_ci.package.protocol import Packager
from legion_ci.results import PackageResult, TrainResult
from legion_ci.settings.schema import PackageSettings
from legion_ci.store import artefacts


def run(settings: PackageSettings, *, trained: TrainResult, work: Path, tools: Tools) -> PackageResult:
    """Package the trained model into ``work/package``. Same inputs, same bytes."""
    packager: Packager = plugins.load("packagers", settings.use, "package.use")()
    folder = artefacts.fetch(trained.model.artefact, tools)
    target = work / "package"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    tools.progress.say(f"packaging with {settings.use}")
    made = packager.package(settings, trained.model, folder, target, tools)
    size = (made.size_bytes or 0) / 1e6
    return PackageResult(
        kind=settings.use,
        package=made,
        model=trained.model,
        summary=f"{settings.use} {made.digest[:12]}, {size:.1f} MB",
    )
