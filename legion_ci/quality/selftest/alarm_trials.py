"""All alarms of the gate together: models exchanged (any alarm is false), and a loss planted in one slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from legion_ci.quality import alarms, metric_judge, slice_alarms, slices
from legion_ci.quality.checks import Finding
from legion_ci.quality.question import Question
from legion_ci.quality.sample import Sample
from legion_ci.quality.selftest import planting
from legion_ci.quality.selftest.worlds import exchanged, spoil
from legion_ci.quality.slices import Slice
from legion_ci.results import Outcome


@dataclass(frozen=True)
class Watch:
    """One alarm check with its rows and its slices (none: all rows)."""

    question: Question
    sample: Sample
    parts: list[Slice]

    @classmethod
    def of(cls, question: Question, sample: Sample) -> Watch:
        """The slices are found once."""
        return cls(question, sample, slices.find(question.settings.slices, question.evidence.rows.table))

    def findings(self, sample: Sample) -> list[Finding]:
        """What the check finds in such rows; alarms are not settled yet."""
        if self.parts:
            return slice_alarms.judge(self.question, sample, self.parts)
        return [metric_judge.decided(self.question, sample)]


@dataclass(frozen=True)
class Plant:
    """A loss in one slice of one check: these rows, with that share of the candidate's answers spoilt."""

    watch: int
    part: Slice
    share: float
    worse: np.ndarray
    loss: float


def raised(watches: Sequence[Watch], alpha: float, rng: np.random.Generator) -> bool:
    """Whether any alarm is raised although the models are exchanged row by row; the same exchange for every check."""
    seed = int(rng.integers(1 << 62))
    found = [f for w in watches for f in w.findings(exchanged(w.sample, np.random.default_rng(seed)))]
    return any(f.result.outcome is Outcome.FAIL for f in alarms.settle(found, alpha))


def plant(watches: Sequence[Watch], alpha: float, rng: np.random.Generator) -> Plant | None:
    """In the middle slice by size of the first check: the loss that the gate says it would see in 80 %."""
    before = [w.findings(w.sample) for w in watches]
    settled = alarms.settle([f for found in before for f in found], alpha)[: len(before[0])]
    watch = watches[0]
    if not planting.can(watch.question.metric):
        return None
    parts = {p.name: p for p in watch.parts}
    known = [f.result for f in settled if f.result.smallest_visible_loss is not None and f.result.slice in parts]
    if not known:
        return None
    middle = sorted(known, key=lambda r: r.n)[len(known) // 2]
    part, loss = parts[middle.slice], middle.smallest_visible_loss or 0.0
    own = watch.sample.take(part.rows)
    worse = planting.spoilt(watch.question.metric, own, rng)
    share = planting.share_for_loss(watch.question.metric, own, worse, loss)
    return None if share is None else Plant(0, part, share, worse, loss)


def seen(watches: Sequence[Watch], planted: Plant, alpha: float, rng: np.random.Generator) -> bool:
    """Whether the alarm of that slice is raised, the models being exchanged everywhere and the loss planted there."""
    seed, found = int(rng.integers(1 << 62)), []
    for i, watch in enumerate(watches):
        sample = exchanged(watch.sample, np.random.default_rng(seed))
        found += watch.findings(_planted(watch, sample, planted, rng) if i == planted.watch else sample)
    settled = alarms.settle(found, alpha)[: len(watches[0].parts)]
    return any(f.result.slice == planted.part.name and f.result.outcome is Outcome.FAIL for f in settled)


def _planted(watch: Watch, sample: Sample, planted: Plant, rng: np.random.Generator) -> Sample:
    rows = planted.part.rows
    own = spoil(watch.question.metric, sample.take(rows), planted.worse, planted.share, rng)
    candidate = sample.candidate.copy()
    candidate[rows] = own.candidate
    return replace(sample, candidate=candidate)
