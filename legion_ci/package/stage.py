"""Stage ``package``: fetch the trained artefact, let the packager make its package."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from legion_ci.core import plugins
from legion_ci.core.tools import Tools
from legion_ci.package import accelerate
from legion_ci.package.protocol import Job, Packager, Packed
from legion_ci.results import Acceleration, PackageResult, TrainResult
from legion_ci.settings.schema import PackageSettings
from legion_ci.store import artefacts


def run(
    settings: PackageSettings, *, trained: TrainResult, work: Path, tools: Tools, find_links: tuple[str, ...] = ()
) -> PackageResult:
    """Package the trained model, and its accelerated form by choice, into ``work/package``. Same inputs, same bytes."""
    packager: Packager = plugins.load("packagers", settings.use, "package.use")()
    folder = artefacts.fetch(trained.model.artefact, tools)
    target = work / "package"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    tools.progress.say(f"packaging with {settings.use}")
    with _accelerated(settings, folder, work, tools, find_links) as (form, told):
        made = packager.package(settings, Job(trained, folder, target, tools, form, find_links))
    return PackageResult(
        kind=settings.use,
        package=made.package,
        model=trained.model,
        accelerated=told,
        image=made.image,
        summary=_summary(settings.use, made) + (f"; {accelerate.sentence(told)}" if told else ""),
    )


def _summary(use: str, made: Packed) -> str:
    if made.image is None:
        return f"{use} {made.package.digest[:12]}, {(made.package.size_bytes or 0) / 1e6:.1f} MB"
    where = "pushed as" if made.image.pushed else "image"
    return f"{where} {made.image.reference}@{made.image.digest[:19]}, {made.image.size_bytes / 1e6:.1f} MB compressed"


@contextmanager
def _accelerated(
    settings: PackageSettings, artefact: Path, work: Path, tools: Tools, find_links: tuple[str, ...]
) -> Iterator[tuple[Path | None, Acceleration | None]]:
    """The folder of the accelerated form, while the package is made, and what is known of it."""
    if settings.accelerate is None:
        yield None, None
        return
    scratch = Path(tempfile.mkdtemp(prefix="accelerating-", dir=work))
    try:
        told = accelerate.make(settings, artefact, scratch, tools, find_links)
        yield (None if told.refused else scratch / accelerate.FOLDER), told
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
