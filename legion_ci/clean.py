"""Removes what nobody needs any more: old runs, unused environments, cached artefacts and feedback past its time.

Nothing that a live deployment reaches ever goes: its environment, its installed package, its routes.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from legion_ci import runs
from legion_ci.core import environments
from legion_ci.core.errors import OrderError
from legion_ci.core.site import cache_home
from legion_ci.core.tools import Tools
from legion_ci.deploy import deployers
from legion_ci.deploy.protocol import Deployer, Place
from legion_ci.feedback import access, closing, drops, retention
from legion_ci.gateway import routes
from legion_ci.oci import blobs, facts
from legion_ci.promote import state
from legion_ci.results import Image, PackageResult
from legion_ci.settings.load import Loaded
from legion_ci.supervise import client


def clean(loaded: Loaded, *, dry_run: bool, registry: bool = False) -> Iterator[str]:
    """Remove what is past its ``keep``; yields one line for each thing, with its size.

    registry: also the images that runs which go have pushed, unless a newer run or a deployment of this site has them.
    """
    total = 0
    if registry:
        yield from _pushed(loaded, dry_run)
    yield from _close(loaded, dry_run)
    found = [*_runs(loaded), *_environments(loaded), *_deployments(loaded), *_feedback(loaded), *_layers(loaded)]
    for path, why in found:
        size = _size(path)
        total += size
        yield f"{'would remove' if dry_run else 'removed'} {path} ({size / 1e6:.1f} MB, {why})"
        if not dry_run:
            _remove(path, loaded)
    for deployer, name, size in _leftovers(loaded):
        total += size
        yield f"{'would remove' if dry_run else 'removed'} {name} ({size / 1e6:.1f} MB, not deployed)"
        if not dry_run:
            deployer.discard(name)
    yield f"{total / 1e6:.1f} MB {'would be' if dry_run else 'are'} freed"


def _runs(loaded: Loaded) -> Iterator[tuple[Path, str]]:
    for run in _past(loaded):
        yield run.folder, f"older than the last {loaded.settings.keep.runs} runs"


def _past(loaded: Loaded) -> list[runs.Run]:
    return [r for r in runs.existing(loaded.folder) if r.finished][: -loaded.settings.keep.runs]


def _pushed(loaded: Loaded, dry_run: bool) -> Iterator[str]:
    """Images of old runs in their registry. Raises OrderError where it is not known what is live."""
    from legion_ci.package.image import pushed

    if not loaded.site.routes.is_file():
        raise OrderError(
            "nothing was deployed from here, so it is not known which images are live", where=str(loaded.site.path),
            todo="run it where the site is, or leave out --registry",
        )  # fmt: skip
    past = _past(loaded)
    going = {run.id for run in past}
    newer = [r for r in runs.existing(loaded.folder) if r.id not in going]
    live = [
        facts.read(folder)
        for arm in routes.read(loaded.site).arms
        if ((folder := loaded.site.deployments / arm.deployment) / facts.FILE).is_file()
    ]
    tools = Tools()
    for image in pushed.unneeded(_images(past), [*live, *_images(newer)]):
        gone = dry_run or pushed.remove(image, loaded.settings.package, tools)
        what = "would remove" if dry_run else "removed" if gone else "was gone already:"
        yield f"{what} {image.reference}@{image.digest} from its registry (its run is older than the last {loaded.settings.keep.runs})"


def _images(found: list[runs.Run]) -> Iterator[Image]:
    for run in found:
        result = run.result("package")
        if isinstance(result, PackageResult) and result.image:
            yield result.image


def _environments(loaded: Loaded) -> Iterator[tuple[Path, str]]:
    needed = _needed(loaded)
    root = cache_home() / "environments"
    for home in sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else ():
        used = home / "legion-used"
        age_s = time.time() - (float(used.read_text() or 0) if used.is_file() else home.stat().st_mtime)
        if home.resolve() not in needed and age_s > loaded.settings.keep.environments and not _runs_from(home):
            yield home, f"not used for {age_s / 86400:.0f} days"


def _layers(loaded: Loaded) -> Iterator[tuple[Path, str]]:
    """What images were made of: what is in use counts as used, for an image shares its files or is in a registry."""
    keep_s = loaded.settings.keep.environments
    yield from ((path, f"not used by an image for {keep_s / 86400:.0f} days") for path in blobs.unused(keep_s))


def _needed(loaded: Loaded) -> set[Path]:
    """Environments of what is deployed, by its locks and by what the supervisor starts, maybe with an older legion-ci."""
    by_lock = {environments.folder(lock) for lock in loaded.site.deployments.glob("*/requirements.lock")}
    programs = (Path(a.process.command[0]) for a in client.observe(loaded.site).values() if a.process.command)
    return {home.resolve() for home in by_lock} | {f for p in programs for f in p.parent.resolve().parents}


def _runs_from(home: Path) -> bool:
    """Whether any process runs from an environment; another model's site may use it."""
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        if any(word.startswith(str(home)) for word in process.info["cmdline"] or ()):
            return True
    return False


def _leftovers(loaded: Loaded) -> Iterator[tuple[Deployer, str, int]]:
    """What the site's deployer keeps elsewhere, as images in an engine."""
    deployer = deployers.of_site(Place.of(loaded.site, Tools()))
    yield from ((deployer, name, size) for name, size in deployer.leftovers().items())


def _deployments(loaded: Loaded) -> Iterator[tuple[Path, str]]:
    live = {arm.deployment for arm in routes.read(loaded.site).arms}
    root = loaded.site.deployments
    for folder in sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else ():
        if folder.name not in live:
            yield folder, "not deployed"


def _close(loaded: Loaded, dry_run: bool) -> Iterator[str]:
    """Past days of feedback become Parquet, which is smaller, before anything is found too large."""
    store, now = loaded.site.feedback, time.time()
    if dry_run:
        yield from (f"would close {folder}" for _, folder in closing.open_days(store, now))
        return
    for day in closing.close_days(store, now):
        yield f"closed {day.folder} ({day.rows:,} events, {day.bytes_before / 1e6:.1f} → {day.bytes_after / 1e6:.1f} MB)"


def _feedback(loaded: Loaded) -> Iterator[tuple[Path, str]]:
    """Days past ``feedback.retain`` or ``retain_bytes``; what running experiments read stays."""
    wanted = loaded.settings.feedback
    yield from retention.outlived(
        loaded.site.feedback, retain_s=wanted.retain, retain_bytes=wanted.retain_bytes, now=time.time(),
        needed_from=_needed_from(loaded),
    )  # fmt: skip
    for file in drops.files(loaded.site.feedback):
        age_s = time.time() - file.stat().st_mtime
        if age_s > wanted.retain:
            yield file, f"{age_s / 86400:.0f} days old"


def _needed_from(loaded: Loaded) -> float:
    """When the oldest running experiment began, less what clocks and captures may be late; infinite when none runs."""
    running = (e.started for p in loaded.site.promotion.glob("*.json") if not (e := state.load(p)).ended)
    return min(running, default=float("inf")) - 3600.0


def _remove(path: Path, loaded: Loaded) -> None:
    store = loaded.site.feedback
    if path.is_relative_to(store) and path.is_dir():
        with closing.upkeep(store), access.alone(store):
            for file in retention.removed_in_order(path):
                file.unlink(missing_ok=True)
            path.rmdir()
    elif path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size
