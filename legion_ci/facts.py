"""The run's facts as flat text: what Jenkins colours builds by, and shows; and the exit code of a verdict."""

from __future__ import annotations

from legion_ci.results import (
    SCHEMA_VERSION,
    DeployResult,
    PromoteResult,
    StageResult,
    TrainResult,
    Verdict,
    decode_result,
)
from legion_ci.runs import Run
from legion_ci.settings.schema import STAGES


def gather(run: Run) -> dict[str, str]:
    """The run's facts as flat text: what Jenkins colours builds by, and shows."""
    told = {"run.id": run.id, "schema_version": str(SCHEMA_VERSION)}
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
        if isinstance(result, DeployResult):
            told |= {"deployment": result.deployment, "url": result.url}
        if isinstance(result, PromoteResult):
            told |= {"promote.action": result.action, "promote.next_look_at": result.next_look_at or ""}
    return {**told, "run.summary": ", ".join(lines)}


def exit_code(result: StageResult) -> int:
    """0, 1 or 10 of a verdict."""
    return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 10}[result.verdict]
