"""Captures and outcomes written as a live site would leave them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from legion_ci.feedback.capture import Capture
from legion_ci.feedback.layout import OUTCOME, hour_file
from legion_ci.feedback.outcomes import Outcome
from legion_ci.feedback.store import open_sink

MODEL = "wine"


def capture(request_id: str, *, deployment: str = "a", at: float = 1_700_000_000.0, **more: Any) -> Capture:
    """A live capture of experiment ``x``; ``rows`` and ``columns`` make the answer."""
    rows = more.pop("rows", [[1, 0.2, 0.8]])
    columns = more.pop("columns", ["prediction", "probability_0", "probability_1"])
    body = json.dumps({"prediction": rows, "columns": columns}).encode()
    told: dict[str, Any] = {
        "request_id": request_id, "deployment": deployment, "arm": deployment, "model_name": MODEL,
        "model_version": deployment, "digest": "d" * 64, "purpose": "", "experiment": "x", "share": 0.5, "unit": "u1",
        "time": at, "latency_us": 900, "method": "POST", "uri": "/api/model/invoke", "status": 200,
        "request": b"{}", "response": body, "step": "5",
    }  # fmt: skip
    return Capture(**{**told, **more})


def outcome(request_id: str, payload: Any, *, at: float = 1_700_000_001.0) -> Outcome:
    """An outcome as the collector keeps it."""
    return Outcome(request_id=request_id, model_name=MODEL, model_version="a", payload=payload, time=at)


def write(store: Path, captures: list[Capture] = [], outcomes: list[Outcome] = [], writer: str = "w") -> None:  # noqa: B006
    """Write them in the given order."""
    sink = open_sink(store, writer)
    for c in captures:
        sink.put(c)
    sink.close()
    assert sink.dropped == 0
    for o in outcomes:
        path = hour_file(store, OUTCOME, o.model_name, o.model_version, o.time, writer)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(o.line() + b"\n")


def now() -> float:
    """Seconds since the epoch."""
    return time.time()
