"""A metric check whose rows come a piece at a time: added up by slice, then decided like any other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from legion_ci.quality import constants, decision, metric_judge, parts, slice_alarms, slices
from legion_ci.quality.catalogue import Metric
from legion_ci.quality.checks import Evidence, Finding, Rows
from legion_ci.quality.evidence import InvalidAnswer
from legion_ci.quality.metric_settings import MetricSettings, Parting
from legion_ci.quality.question import Question
from legion_ci.quality.sample import Sample
from legion_ci.quality.slices import Slice
from legion_ci.quality.statistics.bootstrap import Studentised
from legion_ci.quality.statistics.estimate import Estimate, LargeSample
from legion_ci.quality.streamed import counted, lost
from legion_ci.quality.streamed.added import Added

_FAMILIES: dict[str, type[Added]] = {"share": counted.Hits, "cells": counted.Table, "loss": lost.Lost}


def _can(metric: Metric) -> bool:
    return metric.name in lost.METRICS if metric.family == "loss" else metric.family in _FAMILIES


def of(settings: MetricSettings, rows: Rows, where: str) -> MetricTally | None:
    """Nothing added up yet; None when the metric cannot be, or rows come in clusters. rows: those that are drawn."""
    if rows.cluster is not None or not _can(settings.definition):
        return None
    return MetricTally(settings.model_copy(update={"slices": _with_edges(settings.slices, rows)}), rows, where)


def _with_edges(wanted: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """Bins by number get the edges of the drawn rows, so that every piece has the same."""
    return {
        name: Parting(bins=tuple(parts.edges(told.bins, rows.table.column(name))))
        if isinstance(told, Parting) and told.bins is not None
        else told
        for name, told in wanted.items()
    }


@dataclass
class MetricTally:
    """settings: with the same slices for every piece. rows: those that are drawn."""

    settings: MetricSettings
    rows: Rows
    where: str
    evidence: Evidence | None = None
    added: dict[tuple[int, str], Added] = field(default_factory=dict)
    known: dict[tuple[int, str], Slice] = field(default_factory=dict)
    finding: Finding | None = None  # what is said whatever else comes
    first: Any = None  # answer of the candidate, as long as it never changed
    varies: bool = False

    @property
    def passes(self) -> int:
        """How often the rows must be seen."""
        return max((a.passes for a in self.added.values()), default=1)

    def add(self, evidence: Evidence, turn: int, place: str) -> None:
        """Take in a piece of the rows with its answers. place: which rows, for messages."""
        self.evidence = evidence
        question = Question(self.settings, evidence, self.where)
        self.finding = self.finding or metric_judge.without_rows(question)
        if self.finding is not None:
            return
        try:
            sample = metric_judge.sample_of(question)
        except InvalidAnswer as error:
            self.finding = metric_judge.unusable(question, f"{error} ({place})", self.rows.n)
            return
        self._look(sample)
        for key, part in self._parts(evidence).items():
            self._of(key, part, question, sample).add(sample if part is None else sample.take(part.rows), turn)

    def _look(self, sample: Sample) -> None:
        answers = np.asarray(sample.candidate)
        if len(answers):
            self.first = answers[0] if self.first is None else self.first
            self.varies = self.varies or not bool(np.all(answers == self.first))

    def _parts(self, evidence: Evidence) -> dict[tuple[int, str], Slice | None]:
        if not self.settings.slices:
            return {(0, ""): None}
        order = {name: i for i, name in enumerate(self.settings.slices)}
        found = slices.find(self.settings.slices, evidence.rows.table)
        return {(order[s.column], s.name): s for s in found}

    def _of(self, key: tuple[int, str], part: Slice | None, question: Question, sample: Sample) -> Added:
        if part is not None:
            self.known.setdefault(key, replace(part, rows=np.empty(0, dtype=np.intp)))
        if key not in self.added:
            about = (question.metric, sample.champion is not None, question.positive, sample.n_classes)
            self.added[key] = _FAMILIES[question.metric.family](*about, self._floor)
        return self.added[key]

    def _floor(self) -> float | None:
        truth = Sample(self.rows.truth.values, self.rows.truth.values)
        return constants.value(self.settings.definition, truth)

    def findings(self) -> list[Finding]:
        """One finding for all rows, or one a slice."""
        if self.evidence is None or self.finding is not None:
            return [self.finding] if self.finding else []
        question = Question(self.settings, replace(self.evidence, rows=self.rows), self.where)
        if not self.settings.slices:
            return [self._whole(question, self.added[0, ""])]
        keys = self._ordered()
        large = [k for k in keys if self.added[k].rare >= question.minimum]
        found = {k: self._slice(question, k, len(large)) for k in keys}
        return slice_alarms.blocked([found[k] for k in keys], [self.known[k] for k in keys])

    def _ordered(self) -> list[tuple[int, str]]:
        """By entry, values of a column by name, declared ones as they are declared."""
        return sorted(self.known, key=lambda k: (k[0], "" if self.known[k].declared else k[1]))

    def _whole(self, question: Question, added: Added) -> Finding:
        if few := question.too_few(added.n, added.rare):
            return few
        if not self.varies:
            return metric_judge.constant(question, added.seen())
        return decision.conclude(question, added.seen(), added.estimate(question.resampling("")))

    def _slice(self, question: Question, key: tuple[int, str], parts: int) -> Finding:
        part, added = self.known[key], self.added[key]
        if not added.n:
            return slice_alarms.absent(question, part)
        if few := question.too_few(added.n, added.rare, part.name, declared=part.declared):
            return few
        found = slice_alarms.resolved(question, part.name, parts, added.estimate)
        finding = decision.conclude(question, added.seen(), found, part.name)
        return replace(finding, alarm=replace(finding.alarm, p=_careful(question, found))) if finding.alarm else finding


def _careful(question: Question, found: Estimate) -> float:
    """p of a loss; where replicates are too few for Holm's levels, the larger of theirs and the normal law's."""
    p = decision.p_of_loss(question, found)
    if not isinstance(found, Studentised):
        return p
    return max(p, decision.p_of_loss(question, LargeSample(found.effect, found.se, found.n, found.method)))
