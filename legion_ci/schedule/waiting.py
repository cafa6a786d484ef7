"""The run whose promotion waits for its next look: the site keeps its records, so that any later build may look.

Whatever Jenkins has built since, green, red or of another branch, does not matter to the experiment that runs.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from legion_ci.core.files import write_atomic
from legion_ci.core.site import Site
from legion_ci.gateway import routes
from legion_ci.results import DeployResult, PromoteResult, StageResult, Verdict
from legion_ci.runs import Run, home

_ID = "run"  # the file that names the run, written last: without it the records are not whole


def _folder(site: Site) -> Path:
    return site.promotion / "waiting"


def note(site: Site, run: Run, result: StageResult) -> None:
    """After a look: keep the run's records while its promotion waits, let them go when it has ended."""
    if not isinstance(result, PromoteResult):
        return
    kept = _folder(site)
    if result.verdict is Verdict.INCONCLUSIVE and result.next_look_at:
        shutil.rmtree(kept, ignore_errors=True)
        for record in run.folder.glob("*.json"):
            write_atomic(kept / record.name, record.read_bytes())
        write_atomic(kept / _ID, run.id)
    elif kept.is_dir() and _about(Run(kept)) in ("", result.deployment):
        shutil.rmtree(kept, ignore_errors=True)


def resume(site: Site, folder: Path) -> Run | None:
    """The waiting run, its records brought into the model repository; None when no experiment waits."""
    kept = _folder(site)
    now = routes.read(site)
    if not (kept / _ID).is_file() or not now.experiment or now.arm(_about(Run(kept))) is None:
        return None
    run = Run(home(folder) / (kept / _ID).read_text())
    for record in kept.glob("*.json"):
        write_atomic(run.folder / record.name, record.read_bytes())
    return run


def _about(run: Run) -> str:
    """The deployment that a run's records are about; empty when they do not say."""
    result = run.result("deploy")
    return result.deployment if isinstance(result, DeployResult) else ""
