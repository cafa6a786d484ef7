"""Where events lie in a feedback store: Legion's key layout, one file an hour and writer."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import quote

ROOT = "model_log"
REQUEST, ANSWER, OUTCOME = "request_response", "response_body", "feedback"


def name(text: str) -> str:
    """``text`` as one folder's name: what could leave the folder or hide in it is percent-encoded."""
    safe = quote(text, safe="") or "%00"
    return "%2E" + safe[1:] if safe.startswith(".") else safe


def hour_file(store: Path, tag: str, model: str, version: str, moment: float, writer: str) -> Path:
    """The file of an event at ``moment`` (seconds since the epoch; the hour is UTC's)."""
    at = time.gmtime(moment)
    day = time.strftime("year=%Y/month=%m/day=%d", at)
    return (
        store / ROOT / tag / name(model) / name(version) / day / f"{time.strftime('%Y%m%d%H', at)}_{name(writer)}.jsonl"
    )


def files(store: Path, tag: str, model: str, since: float) -> list[Path]:
    """The files of a model (all versions, all writers) that may hold events from ``since`` on, sorted."""
    first = time.strftime("%Y%m%d%H", time.gmtime(max(since, 0.0)))
    found = (store / ROOT / tag / name(model)).glob("*/year=*/month=*/day=*/*.jsonl")
    return sorted(p for p in found if p.name[:10] >= first)


def iso(moment: float) -> str:
    """A moment as ISO 8601 in UTC with milliseconds."""
    whole = int(moment // 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int((moment - whole) * 1000):03d}Z"
