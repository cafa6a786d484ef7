"""Runs of the perf stage in tests: a deployment that points at a test server, sample rows, and a folder."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.perf.log import RAW
from legion_ci.perf.stage import run
from legion_ci.results import Artefact, DeployResult, ModelRef, PerfResult, TrainResult
from legion_ci.settings.schema import PerfSettings

MODEL = ModelRef(name="wine", version="1", artefact=Artefact(uri="/nowhere", digest="d" * 64))
TRAINED = TrainResult(model=MODEL, tracking_uri="", experiment="wine")
HEAD = {
    "columns": ["a", "b"],
    "types": {"a": "number", "b": "string"},
    "nullable": {"a": True, "b": False},
    "data": [[1.5, "x"], [2.5, "y"], [None, "z"]],
}


def deployed(url: str, site: str = "") -> DeployResult:
    return DeployResult(deployment="wine-1", model=MODEL, url=url, direct_url=url, site=site)


def write_sample(folder: Path) -> Path:
    path = folder / "head_input.json"
    path.write_text(json.dumps(HEAD))
    return path


def perf(folder: Path, url: str, told: io.StringIO | None = None, site: str = "", **settings: Any) -> PerfResult:
    """One run of the stage; its log is left in ``folder/work``."""
    tools = Tools(progress=Progress(stream=told or io.StringIO()))
    return run(
        PerfSettings(**settings),
        deployed=deployed(url, site),
        trained=TRAINED,
        sample=write_sample(folder),
        folder=folder,
        work=folder / "work",
        tools=tools,
    )


def raw_rows(folder: Path) -> list[dict[str, str]]:
    """The raw log of a run."""
    with (folder / "work" / "perf" / RAW).open(newline="") as file:
        return list(csv.DictReader(file))
