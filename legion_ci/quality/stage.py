"""Stage ``quality``: is the candidate good enough, and not worse than the live model? Plan, predict, judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from legion_ci.core.errors import LegionError
from legion_ci.core.files import digest_bytes
from legion_ci.core.tools import Tools
from legion_ci.data.source import open_source
from legion_ci.gateway.routes import Arm
from legion_ci.quality import alarms, attempts, order, outcomes, plan, verdict
from legion_ci.quality.asker import Asker
from legion_ci.quality.checks import Check, Evidence, Finding, Rows
from legion_ci.quality.evidence import Answers
from legion_ci.quality.predictions import LockedPredictor, Predictor, Request
from legion_ci.quality.streamed import judge as streamed
from legion_ci.quality.streamed.judge import Pieces, Tally
from legion_ci.results import ModelRef, Outcome, QualityResult, TrainResult, Verdict
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
    find_links: Sequence[str] = (),
    predictor: Predictor | None = None,
) -> QualityResult:
    """Judge the trained model on ``data["eval"]``.

    champion: the live arm, None when there is none (which ``first`` must say, else OrderError). folder: the model
    repository, which data paths are relative to. work: scratch of this run. find_links: where packages of the models'
    environments are besides the index. Raises ConfigurationError with all
    problems of data and checks, ToolError when a model does not answer. Bad answers of the candidate are FAIL.
    """
    live = champion.model if champion else None
    asked = prepare(settings, data, trained.model, live, first, folder, work, tools, find_links, predictor)
    findings = _findings(asked.rows, asked.wanted, asked.asker, live, tools) if asked.wanted else []
    return _result(settings, asked.rows, findings, trained.model, live, asked.digest)


@dataclass(frozen=True)
class Asked:
    """All that is known before a model predicts. digest: of the evaluation rows."""

    rows: Rows
    wanted: list[Check]
    asker: Asker
    digest: str


def prepare(
    settings: QualitySettings, data: Mapping[str, DataSettings], candidate: ModelRef, champion: ModelRef | None, first: bool,
    folder: Path, work: Path, tools: Tools, find_links: Sequence[str] = (), predictor: Predictor | None = None,
) -> Asked:  # fmt: skip
    """Rows and checks, with all problems at once; arguments and errors are those of ``run``."""
    plan.champion_needed(champion is not None, first)
    wanted = plan.checks(settings)
    found = plan.evaluation(data, settings, folder, work / "quality")
    rows = plan.rows(settings, found, wanted, folder, tools.clock.now())
    digest = open_source(plan.EVALUATION, data[plan.EVALUATION], folder).digest()
    asked_of = f"{digest} drawn {settings.seed}" if rows.stream else digest
    request = Request(rows.table, asked_of, rows.features, settings.timeout, limits=settings.limits)
    links = tuple(find_links)
    asked = predictor or LockedPredictor(tools, work / "quality", links)
    return Asked(rows, wanted, Asker(candidate, request, asked, tools, folder, work / "quality", links), digest)


def _findings(
    rows: Rows, wanted: Sequence[Check], asker: Asker, champion: ModelRef | None, tools: Tools
) -> list[Finding]:
    """Checks of the rows alone come first: what they find is told even where no model can answer such rows."""
    bare = Evidence(rows, None, None, False, rows.settings.checks, tools.progress.say, asker)
    of_rows = {i: _one(c, bare) for i, c in enumerate(wanted) if not c.needs_answers}
    asking = {i: c for i, c in enumerate(wanted) if c.needs_answers}
    try:
        found = _asked(asking, bare, asker, champion)
    except LegionError as error:
        if not any(f.result.outcome is Outcome.FAIL for found in of_rows.values() for f in found):
            raise
        found = {i: [_unasked(c, error)] for i, c in asking.items()}
    both = {**of_rows, **found}
    return alarms.settle([f for i in range(len(wanted)) for f in both[i]], rows.settings.alpha)


def _asked(
    asking: Mapping[int, Check], bare: Evidence, asker: Asker, champion: ModelRef | None
) -> dict[int, list[Finding]]:
    """Checks by their number. Of a stream, what can be added up is; all else is asked of the rows that were drawn."""
    tallies = tallied(asking, bare.rows)
    some = {i: c for i, c in asking.items() if i not in tallies}
    found: dict[int, list[Finding]] = {}
    if some or (asking and bare.rows.settings.key):
        looked_at = asking if bare.rows.settings.key else some
        evidence = answered(bare.rows, list(looked_at.values()), asker, champion, bare)
        found = {i: [_of_drawn(c, f, bare.rows) for f in _one(c, evidence)] for i, c in some.items()}
    if tallies and bare.rows.stream is not None:
        live = champion if any(asking[i].needs_champion for i in tallies) else None
        found |= streamed.findings(tallies, Pieces(bare, bare.rows.stream, asker, live))
    return found


def tallied(asking: Mapping[int, Check], rows: Rows) -> dict[int, Tally]:
    """What adds up the rows of each check that can be, where rows are streamed."""
    if rows.stream is None:
        return {}
    makers = {i: getattr(c, "tally", None) for i, c in asking.items()}
    made = {i: make(rows) for i, make in makers.items() if make is not None}
    return {i: t for i, t in made.items() if t is not None}


def _of_drawn(check: Check, finding: Finding, rows: Rows) -> Finding:
    """Says so where only the rows that were drawn were looked at."""
    if rows.stream is None or getattr(check, "brings_rows", False):
        return finding
    told = f"on {len(rows.table):,} of {rows.n:,} rows, drawn by quality.seed"
    message = f"{finding.result.message}; {told}" if finding.result.message else told
    return replace(finding, result=msgspec.structs.replace(finding.result, message=message))


def answered(rows: Rows, asking: Sequence[Check], asker: Asker, champion: ModelRef | None, bare: Evidence) -> Evidence:
    """The evidence with the models' answers, those that the checks need."""
    candidate = asker.model
    same = champion is not None and champion.artefact.digest == candidate.artefact.digest
    new = _answers("candidate", candidate, asker.request, asker.predictor)
    order.look(rows, new, asker)
    old = new if same else None
    if champion is not None and not same and any(c.needs_champion for c in asking):
        old = _answers("champion", champion, asker.request, asker.predictor)
        order.look(rows, old, replace(asker, model=champion, who="champion"))
    return replace(bare, candidate=new, champion=old, same=same)


def _one(check: Check, evidence: Evidence) -> list[Finding]:
    evidence.say(f"judging {getattr(check.settings, 'title', check.settings.name or check.settings.use)}")
    return check.judge(evidence)


def _unasked(check: Check, error: LegionError) -> Finding:
    """What a check says when the rows break their contract and the model does not answer them."""
    place = getattr(check, "where", "")
    message = f"the model does not answer these rows: {error.problems[0].what}"
    return Finding(outcomes.result(check.settings, place, "", Outcome.NOT_ASSESSED, message=message), "not_assessed")


def _answers(who: str, model: ModelRef, request: Request, predictor: Predictor) -> Answers:
    return Answers(f"the {who} {model.name} {model.version}", predictor.predict(who, model, request))


def _result(
    settings: QualitySettings, rows: Rows, findings: Sequence[Finding], candidate: ModelRef, champion: ModelRef | None,
    digest: str,
) -> QualityResult:  # fmt: skip
    n = rows.n
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
