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
from legion_ci.core.site import cache_home
from legion_ci.gateway import routes
from legion_ci.settings.load import Loaded
from legion_ci.supervise import client


def clean(loaded: Loaded, *, dry_run: bool) -> Iterator[str]:
    """Remove what is past its ``keep``; yields one line for each thing, with its size."""
    total = 0
    for path, why in [*_runs(loaded), *_environments(loaded), *_deployments(loaded), *_feedback(loaded)]:
        size = _size(path)
        total += size
        yield f"{'would remove' if dry_run else 'removed'} {path} ({size / 1e6:.1f} MB, {why})"
        if not dry_run:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    yield f"{total / 1e6:.1f} MB {'would be' if dry_run else 'are'} freed"


def _runs(loaded: Loaded) -> Iterator[tuple[Path, str]]:
    done = [r for r in runs.existing(loaded.folder) if r.finished]
    for run in done[: -loaded.settings.keep.runs]:
        yield run.folder, f"older than the last {loaded.settings.keep.runs} runs"


def _environments(loaded: Loaded) -> Iterator[tuple[Path, str]]:
    needed = _needed(loaded)
    root = cache_home() / "environments"
    for home in sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else ():
        used = home / "legion-used"
        age_s = time.time() - (float(used.read_text() or 0) if used.is_file() else home.stat().st_mtime)
        if home.resolve() not in needed and age_s > loaded.settings.keep.environments and not _runs_from(home):
            yield home, f"not used for {age_s / 86400:.0f} days"


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


def _deployments(loaded: Loaded) -> Iterator[tuple[Path, str]]:
    live = {arm.deployment for arm in routes.read(loaded.site).arms}
    root = loaded.site.deployments
    for folder in sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else ():
        if folder.name not in live:
            yield folder, "not deployed"


def _feedback(loaded: Loaded) -> Iterator[tuple[Path, str]]:
    for file in sorted(loaded.site.feedback.rglob("*.jsonl")) if loaded.site.feedback.is_dir() else ():
        age_s = time.time() - file.stat().st_mtime
        if age_s > loaded.settings.keep.feedback:
            yield file, f"{age_s / 86400:.0f} days old"


def _size(path: Path) -> int:
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size
