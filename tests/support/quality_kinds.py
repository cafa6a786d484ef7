"""A candidate that can be asked about any rows, and evidence for checks that are not metrics."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from legion_ci.core import plugins
from legion_ci.core.tools import Tools
from legion_ci.data.sketches import table as sketches
from legion_ci.quality import calls
from legion_ci.quality.checks import Evidence, Finding, Rows
from legion_ci.quality.evidence import Answers, Truth
from legion_ci.settings.schema import QualitySettings

WHERE = "legion.yaml:7:5"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
Model = Callable[[pa.Table], pa.Table]


@dataclass
class RuleModel:
    """A candidate that answers by a rule; its artefact holds samples and a reference sketch when told to."""

    folder: Path
    rule: Model
    repository: Path = Path()
    asked: list[str] = field(default_factory=list)

    def artefact(self) -> Path:
        return self.folder

    def predict(self, table: pa.Table, name: str) -> pa.Table:
        self.asked.append(name)
        return self.rule(table)

    def call(self, function: str, tables: Mapping[str, pa.Table], arguments: Mapping[str, Any], where: str) -> Any:
        call = calls.Call(function, dict(arguments), str(self.repository))
        return calls.ask(Path(sys.executable), call, tables, self.folder / "work", 120, Tools(), where)

    def trained_on(self, table: pa.Table) -> RuleModel:
        model_dir = self.folder / "legion_model"
        model_dir.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.slice(0, 5), model_dir / "head_input.parquet")
        (model_dir / "reference_sketch.json").write_bytes(sketches.encode(sketches.TableSketch.of([table])))
        return self


def evidence(table: pa.Table, model: RuleModel, *, target: str = "y", **gate: Any) -> Evidence:
    """The evaluation rows with what the model answers on them."""
    features = tuple(c for c in table.column_names if c != target)
    rows = Rows(
        table, Truth(table.column(target)), QualitySettings(**gate), features=features, target=target,
        folder=model.repository, now=NOW,
    )  # fmt: skip
    return Evidence(rows, Answers("the candidate m 2", model.rule(table)), None, model=model)


def judge(use: str, seen: Evidence, **settings: Any) -> list[Finding]:
    """What a check of that kind finds, asked as the stage asks it: without problems."""
    plugin = plugins.load("checks", use)
    check = plugin(plugin.Settings(use=use, **settings), WHERE)
    assert check.problems(seen.rows) == []
    found: list[Finding] = check.judge(seen)
    return found


def problems(use: str, seen: Evidence, **settings: Any) -> str:
    """What such a check says is wrong, one line a problem."""
    plugin = plugins.load("checks", use)
    return "\n".join(map(str, plugin(plugin.Settings(use=use, **settings), WHERE).problems(seen.rows)))
