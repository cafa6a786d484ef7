"""A site with a champion that holds sketches of its training data, requests of users, and outcomes."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from promote_events import capture, outcome, write

from legion_ci.core.clock import Clock
from legion_ci.core.progress import Progress
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.data.sketches.table import TableSketch, encode
from legion_ci.data.source import open_source
from legion_ci.gateway import routes
from legion_ci.gateway.routes import WHOLE, Arm, Segment
from legion_ci.results import ModelRef
from legion_ci.settings.load import Loaded, load
from legion_ci.store import artefacts

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC).timestamp()
DAY = 86400.0


class Still(Clock):
    """Always the same moment, until it is moved."""

    moment = NOW

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.moment, UTC)


@dataclass
class Retraining:
    """A model repository and its site. schedule: that section; rows: of the training data."""

    folder: Path
    schedule: str
    rows: int = 2000

    def __post_init__(self) -> None:
        self.clock, self.random = Still(), np.random.default_rng(7)
        self.tools = Tools(clock=self.clock, progress=Progress(stream=io.StringIO()))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write_schedule(self.schedule)
        self.write_data(self.rows)

    def write_schedule(self, schedule: str) -> None:
        self.folder.joinpath("legion.yaml").write_text(
            f"model: {{name: wine}}\nsite: {{path: {self.folder}/site}}\n"
            "data: {train: {path: train.parquet, target: label}}\n"
            f"promote: {{outcome: label, metric: accuracy, window: 1h}}\nschedule: {schedule}\n"
        )

    def write_data(self, rows: int, shift: float = 0.0) -> None:
        pq.write_table(self.table(rows, shift), self.folder / "train.parquet")

    def table(self, rows: int, shift: float = 0.0) -> pa.Table:
        strength = self.random.normal(shift, 1.0, rows)
        colour = np.where(self.random.random(rows) < 0.5 + shift / 4, "red", "white")
        return pa.table({"strength": strength, "colour": colour, "label": strength > 0})

    @property
    def settings(self) -> str:
        return str(self.folder / "legion.yaml")

    @property
    def loaded(self) -> Loaded:
        return load(Path(self.settings))

    @property
    def site(self) -> Site:
        return self.loaded.site

    def crown(self) -> None:
        """A champion, trained on the data as they are now."""
        table = pq.read_table(self.folder / "train.parquet")
        folder = self.folder / "champion"
        (folder / "legion_model").mkdir(parents=True)
        (folder / "legion_model" / "reference_sketch.json").write_bytes(encode(TableSketch.of([table])))
        told = json.dumps({"columns": ["strength", "colour"], "data": []})
        (folder / "legion_model" / "head_input.json").write_text(told)
        loaded = self.loaded
        digest = open_source("train", loaded.settings.data["train"], loaded.folder).digest()
        (folder / "legion.project.yaml").write_text(yaml.safe_dump({"legion": {"digests": {"data.train": digest}}}))
        ref = ModelRef(name="wine", version="1", artefact=artefacts.of_folder(folder))
        arm = Arm(deployment="wine-1", model=ref, endpoint="127.0.0.1:1")
        split = (Segment(deployment="wine-1", width=WHOLE),)
        routes.change(self.site, lambda r: msgspec.structs.replace(r, champion="wine-1", arms=(arm,), segments=split))

    def serve(self, days_ago: float, count: int, *, shift: float = 0.0, right: float = 0.9, units: int = 0) -> None:
        """Requests of one row each with their outcomes, a day long. units: so many users (0: each its own)."""
        table, begin = self.table(count, shift).to_pylist(), NOW - days_ago * DAY
        captures, outcomes = [], []
        for i, row in enumerate(table):
            name, at = f"{days_ago}-{i}", begin + i * DAY / count
            truth = bool(row.pop("label"))
            said = truth if self.random.random() < right else not truth
            body = json.dumps({"columns": list(row), "data": [list(row.values())]}).encode()
            unit = f"u{i % units}" if units else name
            captures.append(
                capture(name, deployment="wine-1", experiment="", step="", unit=unit, at=at, request=body,
                        rows=[[said]], columns=["prediction"])
            )  # fmt: skip
            outcomes.append(outcome(name, {"label": truth}, at=at + 5))
        write(self.site.feedback, captures, outcomes, writer=f"w{days_ago}")
