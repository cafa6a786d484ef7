"""The protocol of checks, what they are shown, and what each finds. Plug-ins implement ``Check``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from legion_ci.core.errors import Problem
from legion_ci.results import CheckResult
from legion_ci.settings.schema import CheckSettings, QualitySettings

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from legion_ci.data.stream import Stream
    from legion_ci.quality.evidence import Answers, Truth

_BATCH = 1 << 18


@dataclass(frozen=True)
class Rows:
    """The evaluation rows before any model has seen them. cluster: number of each row's cluster, or None.

    Where ``stream`` is set there are more rows than memory takes: ``table`` holds some of them, drawn by ``quality.seed``;
    ``n``, ``batches`` and ``queried`` are about all.
    """

    table: pa.Table
    truth: Truth
    settings: QualitySettings
    cluster: NDArray[np.int64] | None = None
    versus_possible: bool = True  # there is a champion
    features: tuple[str, ...] = ()  # columns that models may see
    target: str = ""
    folder: Path = Path()  # the model repository
    now: datetime | None = None  # by the run's clock
    stream: Stream | None = None

    @property
    def n(self) -> int:
        """How many rows there are."""
        return self.stream.n_rows if self.stream else int(self.table.num_rows)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table | pa.RecordBatch]:
        """All rows of some columns, a piece at a time."""
        if self.stream:
            yield from self.stream.batches(columns, _BATCH)
        else:
            yield from self.table.select(list(columns)).to_batches(_BATCH)

    @contextmanager
    def queried(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """DuckDB with all rows as ``rows``, their number in ``legion_row_number``."""
        from legion_ci.quality import sql

        with self.stream.connected() if self.stream else sql.numbered(self.table) as connection:
            yield connection


class Candidate(Protocol):
    """The candidate itself, for checks that ask more of it than the answers on the evaluation rows."""

    def artefact(self) -> Path:
        """Its folder."""

    def predict(self, table: pa.Table, name: str) -> pa.Table:
        """Its answers on other rows; raises LegionError with the model's own message. name: of the question."""

    def call(self, function: str, tables: Mapping[str, pa.Table], arguments: Mapping[str, Any], where: str) -> Any:
        """What a ``module:function`` of the repository returns, called in the candidate's environment.

        Raises ToolError with the function's own error, ConfigurationError when there is no such function.
        """


@dataclass(frozen=True)
class Evidence:
    """The rows with both models' answers. same: candidate and champion are the same artefact.

    candidate is None only for checks that do not need answers.
    """

    rows: Rows
    candidate: Answers | None
    champion: Answers | None
    same: bool = False
    checks: tuple[CheckSettings, ...] = ()  # of the run, for checks that need company
    say: Callable[[str], None] = field(default=lambda _: None)  # progress
    model: Candidate | None = None

    @property
    def answers(self) -> Answers:
        """The candidate's answers, for checks that need them."""
        if self.candidate is None:
            raise ValueError("this check did not say that it needs answers")
        return self.candidate

    @property
    def asked(self) -> Candidate:
        """The candidate itself."""
        if self.model is None:
            raise ValueError("there is no candidate to ask")
        return self.model


@dataclass(frozen=True)
class Alarm:
    """A test for a loss that is settled together with all other alarms of the run.

    p: of the hypothesis of no loss; within a ``family`` already adjusted for that family. visible: the smallest loss
    that a test at a given level would have shown.
    """

    p: float
    visible: Callable[[float], float]
    family: str = ""
    min_detectable: float | None = None


@dataclass(frozen=True)
class Finding:
    """A result, with why it is not a PASS (the run's reason), and the alarm that is still to be settled.

    blocks: a NOT ASSESSED that counts under ``on_unassessed``. rows_needed: evaluation rows that would decide.
    """

    result: CheckResult
    reason: str = ""
    alarm: Alarm | None = None
    blocks: bool = False
    rows_needed: int | None = None


class Check(Protocol):
    """A check of the quality gate."""

    Settings: ClassVar[type[CheckSettings]]
    settings: CheckSettings
    needs_answers: ClassVar[bool]  # False: of the rows alone, judged before any model is asked

    def __init__(self, settings: CheckSettings, where: str) -> None:
        """where: the setting's place, for messages."""

    def problems(self, rows: Rows) -> list[Problem]:
        """What keeps the question from being asked of these rows; empty: nothing."""

    @property
    def needs_champion(self) -> bool:
        """Whether it compares with the champion."""

    def judge(self, evidence: Evidence) -> list[Finding]:
        """What it finds, one entry for all rows or one a slice."""
