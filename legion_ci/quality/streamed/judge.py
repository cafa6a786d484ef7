"""Checks that add up their rows: every piece is read once a pass, answered by both models, and forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import pyarrow as pa

from legion_ci.data.stream import Stream
from legion_ci.quality.asker import Asker
from legion_ci.quality.checks import Evidence, Finding
from legion_ci.quality.evidence import Answers, Truth
from legion_ci.quality.predictions import Request
from legion_ci.quality.streamed import drawn
from legion_ci.results import ModelRef


class Tally(Protocol):
    """What a check keeps of rows that are gone; ``Check.tally`` makes one."""

    @property
    def passes(self) -> int:
        """How often the rows must be seen."""

    def add(self, evidence: Evidence, turn: int, place: str) -> None:
        """Take in a piece of the rows with its answers, in the pass of that number. place: which rows, for messages."""

    def findings(self) -> list[Finding]:
        """What is found in all of them."""


@dataclass(frozen=True)
class Pieces:
    """All rows of a stream, a piece at a time, with both models' answers. champion: None when it is not asked."""

    bare: Evidence
    stream: Stream
    asker: Asker
    champion: ModelRef | None

    def evidence(self) -> Iterator[tuple[str, Evidence]]:
        """Which rows, and the evidence about them. Answers are kept by the digest of the rows and the piece's number."""
        size, start, classes = drawn.room(self.stream), 0, self.bare.rows.truth.classes
        for piece in self.stream.batches(self.stream.schema.names, size):
            place = f"rows {start:,} … {start + len(piece) - 1:,} of {self.stream.n_rows:,}"
            truth = Truth(piece.column(self.bare.rows.target), classes)
            rows = replace(self.bare.rows, table=piece, truth=truth, stream=None)
            yield place, self._answered(replace(self.bare, rows=rows), self._request(piece, start, size, place))
            start += len(piece)

    def _request(self, piece: pa.Table, start: int, size: int, place: str) -> Request:
        return replace(
            self.asker.request, table=piece, digest=f"{self.asker.request.digest} {size} {start}", part=place
        )

    def _answered(self, evidence: Evidence, request: Request) -> Evidence:
        candidate = self.asker.model
        same = self.champion is not None and self.champion.artefact.digest == candidate.artefact.digest
        new = self._answers("candidate", candidate, request)
        old = new if same else None
        if self.champion is not None and not same:
            old = self._answers("champion", self.champion, request)
        return replace(evidence, candidate=new, champion=old, same=same)

    def _answers(self, who: str, model: ModelRef, request: Request) -> Answers:
        return Answers(f"the {who} {model.name} {model.version}", self.asker.predictor.predict(who, model, request))


def findings(tallies: Mapping[int, Tally], pieces: Pieces) -> dict[int, list[Finding]]:
    """What each tally finds in all rows, under its own number."""
    turn = 0
    while turn == 0 or any(t.passes > turn for t in tallies.values()):
        for place, evidence in pieces.evidence():
            for tally in (t for t in tallies.values() if turn == 0 or t.passes > turn):
                tally.add(evidence, turn, place)
            evidence.say(f"judged {place}" + (f", pass {turn + 1}" if turn else ""))
        turn += 1
    return {index: tally.findings() for index, tally in tallies.items()}
