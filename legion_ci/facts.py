"""The run's facts as flat text: what Jenkins colours builds by, and shows; and the exit code of a verdict."""

from __future__ import annotations

import json

from legion_ci.results import (
    SCHEMA_VERSION,
    DeployResult,
    PackageResult,
    PromoteResult,
    StageResult,
    TrainResult,
    Verdict,
    decode_result,
)
from legion_ci.runs import Run
from legion_ci.settings.schema import STAGES, Settings

SCHEDULE = "schedule.json"  # whether this run is a retraining that was due, and why (schedule.due --start)


def gather(run: Run, settings: Settings) -> dict[str, str]:
    """The run's facts as flat text: what Jenkins colours builds by, and shows, and how long it may wait for a promotion."""
    told = {"run.id": run.id, "schema_version": str(SCHEMA_VERSION), **_schedule(run)}
    lines = []
    for name in STAGES:
        record = run.record(name)
        if record is None:
            continue
        result = decode_result(name, record)
        told |= {
            f"{name}.verdict": result.verdict,
            f"{name}.reason": result.reason,
            f"{name}.summary": result.summary,
            f"{name}.exit_code": str(exit_code(result)),
        }
        lines.append(f"{name} {result.verdict}")
        if isinstance(result, TrainResult):
            told |= {
                "model.name": result.model.name,
                "model.version": result.model.version,
                "artefact.digest": result.model.artefact.digest,
                "artefact.uri": result.model.artefact.uri,
                "mlflow.run": result.model.run_id,
                "commit": result.provenance.commit,
            }
        if isinstance(result, PackageResult) and result.image:
            told |= {"image.reference": result.image.reference, "image.digest": result.image.digest}
        if isinstance(result, DeployResult):
            told |= {"deployment": result.deployment, "url": result.url, "deploy.use": settings.deploy.use}
        if isinstance(result, PromoteResult):
            told |= {"promote.action": result.action, "promote.next_look_at": result.next_look_at or ""}
            told |= {
                "promote.in_build_s": f"{settings.promote.in_build:.0f}",
                "promote.look_every_s": f"{settings.promote.look_every:.0f}",
            }
    return {**told, "run.summary": ", ".join(lines)}


def _schedule(run: Run) -> dict[str, str]:
    path = run.folder / SCHEDULE
    if not path.is_file():
        return {}
    decided = json.loads(path.read_bytes())
    return {"schedule.due": str(decided["due"]).lower(), "schedule.why": str(decided["why"])}


def exit_code(result: StageResult) -> int:
    """0, 1 or 10 of a verdict."""
    return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 10}[result.verdict]
