"""Stage ``quality``: is the candidate good enough, and not worse than the live model? Plan, predict, judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from legion_ci.core.files import digest_bytes
from legion_ci.core.tools import Tools
from legion_ci.data.source import open_source
from legion_ci.gateway.routes import Arm
from legion_ci.quality import alarms, attempts, plan, verdict
from legion_ci.quality.checks import Check, Evidence, Finding, Rows
from legion_ci.quality.evidence import Answers
from legion_ci.quality.predictions import LockedPredictor, Predictor, Request
from legion_ci.results import ModelRef, QualityResult, TrainResult, Verdict
from legion_ci.settings.schema import DataSettings, QualitySettings

_NO_CHECKS = (
    "write quality.checks into legion.yaml, for example - {metric: roc_auc, min: 0.7} "
    "and - {metric: brier, versus: champion, margin: 0.005}"
)


def run(
    settings: QualitySettings,
    data: Mapping[str, DataSettings],
    *,
    trained: TrainResult,
    champion: Arm | None,
    first: bool,
    folder: Path,
    work: Path,
    tools: Tools,
    predictor: Predictor | None = None,
) -> QualityResult:
    """Judge the trained model on ``data["eval"]``.

    champion: the live arm, None when there is none (which ``first`` must say, else OrderError). folder: the model
    repository, which data paths are relative to. work: scratch of this run. Raises ConfigurationError with all
    problems of data and checks, ToolError when a model does not answer. Bad answers of the candidate are FAIL.
    """
    plan.champion_needed(champion is not None, first)
    wanted = plan.checks(settings)
    dataset = plan.evaluation(data, folder)
    rows = plan.rows(settings, dataset, wanted)
    digest = open_source(plan.EVALUATION, data[plan.EVALUATION], folder).digest()
    request = Request(dataset.table, digest, tuple(dataset.feature_names), settings.timeout)
    asked = predictor or LockedPredictor(tools, work / "quality")
    live = champion.model if champion else None
    findings = _judge(wanted, _evidence(rows, wanted, trained.model, live, request, asked, tools)) if wanted else []
    return _result(settings, rows, findings, trained.model, live, digest)


def _evidence(
    rows: Rows, wanted: Sequence[Check], candidate: ModelRef, champion: ModelRef | None, request: Request,
    predictor: Predictor, tools: Tools,
) -> Evidence:  # fmt: skip
    same = champion is not None and champion.artefact.digest == candidate.artefact.digest
    new = _answers("candidate", candidate, request, predictor)
    old = new if same else None
    if champion is not None and not same and any(c.needs_champion for c in wanted):
        old = _answers("champion", champion, request, predictor)
    return Evidence(rows, new, old, same, rows.settings.checks, tools.progress.say)


def _answers(who: str, model: ModelRef, request: Request, predictor: Predictor) -> Answers:
    return Answers(f"the {who} {model.name} {model.version}", predictor.predict(who, model, request))


def _judge(wanted: Sequence[Check], evidence: Evidence) -> list[Finding]:
    found = []
    for check in wanted:
        evidence.say(f"judging {getattr(check.settings, 'title', check.settings.use)}")
        found += check.judge(evidence)
    return alarms.settle(found, evidence.rows.settings.alpha)


def _result(
    settings: QualitySettings, rows: Rows, findings: Sequence[Finding], candidate: ModelRef, champion: ModelRef | None,
    digest: str,
) -> QualityResult:  # fmt: skip
    n = rows.table.num_rows
    said, reason = verdict.of(findings, settings.on_unassessed) if findings else (Verdict.INCONCLUSIVE, "no_checks")
    question = digest_bytes(settings.model_dump_json(serialize_as_any=True).encode())
    against = champion.artefact.digest if champion else "none"
    tries = attempts.count(against, digest, question, candidate.artefact.digest)
    line = verdict.summary(said, findings, n) if findings else f"{said}: no checks are configured; {_NO_CHECKS}"
    return QualityResult(
        verdict=said, reason=reason, summary=line + (f", attempt {tries} on these rows" if tries > 1 else ""),
        more_data=verdict.more_data(findings, n), candidate=candidate, champion=champion,
        checks=tuple(f.result for f in findings), alpha=settings.alpha, n_rows=n, attempts=tries, data_digest=digest,
    )  # fmt: skip
