"""A metric check on slices: those large enough are tested, losses of rows in one bootstrap, the others listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from legion_ci.quality import decision, losses, seen, slices
from legion_ci.quality.checks import Finding
from legion_ci.quality.estimates import Resampling, estimate
from legion_ci.quality.question import Question
from legion_ci.quality.sample import Sample, rarer
from legion_ci.quality.slices import Slice
from legion_ci.quality.statistics import romano_wolf
from legion_ci.quality.statistics.bootstrap import Studentised
from legion_ci.quality.statistics.cluster import MINIMUM
from legion_ci.quality.statistics.estimate import Estimate
from legion_ci.quality.statistics.smooth import standard_error
from legion_ci.results import Outcome

_HINT = 20  # times the first level of Holm: 50 of 10,000 replicates for 200 slices, where rejecting takes 2


def judge(question: Question, sample: Sample, parts: list[Slice] | None = None) -> list[Finding]:
    """One finding a slice, in the order of columns and values. sample: all rows, which the slices are parts of.

    parts: the slices where they are known already.
    """
    if parts is None:
        parts = slices.find(question.settings.slices, question.evidence.rows.table)
    too_few = {p.name: f for p in parts if (f := _not_assessed(question, sample, p))}
    large = [p for p in parts if p.name not in too_few]
    found = {**too_few, **_assess(question, sample, large)}
    return blocked([found[p.name] for p in parts], parts)


def _not_assessed(question: Question, sample: Sample, part: Slice) -> Finding | None:
    if not len(part.rows):
        return absent(question, part)
    own = sample.take(part.rows)
    if own.cluster is not None and question.settings.is_alarm and (groups := len(np.unique(own.cluster))) < MINIMUM:
        message = f"{groups} clusters, at least {MINIMUM} are needed"
        result = question.result(Outcome.NOT_ASSESSED, part.name, n=len(own), message=message)
        return Finding(result, "not_assessed", blocks=part.declared)
    return question.too_few(len(own), rarer(question.metric, own), part.name, declared=part.declared)


def absent(question: Question, part: Slice) -> Finding:
    """A slice that no row is in."""
    result = question.result(Outcome.NOT_ASSESSED, part.name, message=f"no row has {part.name}")
    return Finding(result, "not_assessed", blocks=part.declared)


def blocked(findings: list[Finding], parts: list[Slice]) -> list[Finding]:
    """Slices found in the data are only listed when too small, unless a whole column has no other."""
    silent = {p.column for p in parts} - {
        p.column for p, f in zip(parts, findings, strict=True) if f.result.outcome is not Outcome.NOT_ASSESSED
    }
    return [replace(f, blocks=True) if p.column in silent else f for p, f in zip(parts, findings, strict=True)]


def _assess(question: Question, sample: Sample, parts: list[Slice]) -> dict[str, Finding]:
    if question.metric.family == "loss" and question.settings.is_alarm and sample.cluster is None and parts:
        return _together(question, sample, parts)
    return {p.name: _alone(question, sample, p, len(parts)) for p in parts}


def _alone(question: Question, sample: Sample, part: Slice, parts: int) -> Finding:
    own = sample.take(part.rows)
    found = resolved(question, part.name, parts, lambda resampling: estimate(question.metric, own, resampling))
    return decision.conclude(question, seen.of(question.metric, own), found, part.name)


def resolved(question: Question, part: str, parts: int, made: Callable[[Resampling], Estimate]) -> Estimate:
    """The estimate; with many more replicates only where the usual number hints at a p that many slices could reject."""
    usual, more = question.resampling(part), question.resampling(part, parts)
    found = made(usual)
    if more.replicates == usual.replicates or decision.p_of_loss(question, found) > _HINT * question.alpha / parts:
        return found
    return made(more)


def _together(question: Question, sample: Sample, parts: list[Slice]) -> dict[str, Finding]:
    """Studentised errors of all slices from the same resamples; slices without any spread are tested alone."""
    metric, rows = (losses.single if sample.champion is None else losses.gain)(question.metric, sample)
    se = {p.name: standard_error(metric, rows[p.rows]) for p in parts}
    spread = [p for p in parts if se[p.name] > 1e-12]
    found = {p.name: _alone(question, sample, p, 1) for p in parts if p not in spread}
    if not spread:
        return found
    question.evidence.say(f"{question.settings.title}: resampling {len(spread)} slices of {len(rows):,} rows")
    resampling = question.resampling("slices")
    errors = romano_wolf.slice_errors(metric, rows, [p.rows for p in spread], resampling.replicates, resampling.rng())
    sign = -1.0 if question.at_most else 1.0
    effects = np.array([float(metric.value(rows[p.rows].mean(axis=0))) for p in spread])
    distances = sign * (effects - question.bound) / np.array([se[p.name] for p in spread])
    ps = romano_wolf.step_down(distances, sign * errors)
    for s, (part, p) in enumerate(zip(spread, ps, strict=True)):
        own = Studentised(float(effects[s]), se[part.name], len(part.rows), np.sort(errors[:, s]))
        shown = seen.of(question.metric, sample.take(part.rows))
        finding = decision.conclude(question, shown, own, part.name)
        alarm = finding.alarm and replace(finding.alarm, p=p, family=question.where)
        found[part.name] = replace(finding, alarm=alarm)
    return found
