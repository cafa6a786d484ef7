"""A metric check on slices: those large enough are tested, losses of rows in one bootstrap, the others listed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from legion_ci.quality import decision, losses, slices
from legion_ci.quality.checks import Finding
from legion_ci.quality.estimates import estimate
from legion_ci.quality.question import Question
from legion_ci.quality.sample import Sample
from legion_ci.quality.slices import Slice
from legion_ci.quality.statistics import romano_wolf
from legion_ci.quality.statistics.bootstrap import Studentised
from legion_ci.quality.statistics.cluster import MINIMUM
from legion_ci.quality.statistics.smooth import standard_error
from legion_ci.results import Outcome


def judge(question: Question, sample: Sample, parts: list[Slice] | None = None) -> list[Finding]:
    """One finding a slice, in the order of columns and values. sample: all rows, which the slices are parts of.

    parts: the slices where they are known already.
    """
    if parts is None:
        parts = slices.find(question.settings.slices, question.evidence.rows.table)
    too_few = {p.name: f for p in parts if (f := _not_assessed(question, sample, p))}
    large = [p for p in parts if p.name not in too_few]
    found = {**too_few, **_assess(question, sample, large)}
    return _blocked([found[p.name] for p in parts], parts)


def _not_assessed(question: Question, sample: Sample, part: Slice) -> Finding | None:
    if not len(part.rows):
        message = f"no row has {part.name}"
        return Finding(
            question.result(Outcome.NOT_ASSESSED, part.name, message=message), "not_assessed", blocks=part.declared
        )
    own = sample.take(part.rows)
    if own.cluster is not None and question.settings.is_alarm and (groups := len(np.unique(own.cluster))) < MINIMUM:
        message = f"{groups} clusters, at least {MINIMUM} are needed"
        result = question.result(Outcome.NOT_ASSESSED, part.name, n=len(own), message=message)
        return Finding(result, "not_assessed", blocks=part.declared)
    return question.too_few(own, part.name, declared=part.declared)


def _blocked(findings: list[Finding], parts: list[Slice]) -> list[Finding]:
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
    found = estimate(question.metric, own, question.resampling(part.name, parts))
    return decision.conclude(question, own, found, part.name)


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
    seen = sign * (effects - question.bound) / np.array([se[p.name] for p in spread])
    ps = romano_wolf.step_down(seen, sign * errors)
    for s, (part, p) in enumerate(zip(spread, ps, strict=True)):
        own = Studentised(float(effects[s]), se[part.name], len(part.rows), np.sort(errors[:, s]))
        finding = decision.conclude(question, sample.take(part.rows), own, part.name)
        alarm = finding.alarm and replace(finding.alarm, p=p, family=question.where)
        found[part.name] = replace(finding, alarm=alarm)
    return found
