"""Requests that users sent, and when, from the feedback store: the most real load that there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from legion_ci.core.errors import ConfigurationError
from legion_ci.feedback.layout import REQUEST, files
from legion_ci.perf.requests import Request, answer_at
from legion_ci.perf.samples import MOST_ROWS


def requests(store: Path, model: str) -> list[Request]:
    """The newest good requests of users, oldest first, at most ``MOST_ROWS``; raises ConfigurationError for none."""
    return [request for _, request in _newest(store, model)]


def times(store: Path, model: str) -> list[float]:
    """When they came, in seconds since the epoch, rising."""
    return sorted(moment for moment, _ in _newest(store, model))


def _newest(store: Path, model: str) -> list[tuple[float, Request]]:
    found: list[tuple[float, Request]] = []
    for path in sorted(files(store, REQUEST, model, 0.0), key=lambda p: p.name[:10], reverse=True):
        found.extend(_read(path))
        if len(found) >= MOST_ROWS:
            break
    if not found:
        raise ConfigurationError(
            "no request of a user is captured yet", where=f"perf: {store}", todo="send some, or give a file"
        )
    return sorted(found, key=lambda f: f[0])[-MOST_ROWS:]


def _read(path: Path) -> Iterator[tuple[float, Request]]:
    """Live requests that were answered well; loads, mirrored copies and bodies that were cut are not replayed."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                told = json.loads(line)
                at, body = float(told["time_unix"]), told["request_content"]
                answer = answer_at(where := urlsplit(told["request_uri"]).path)
                json.loads(body)
            except (ValueError, KeyError, TypeError):
                continue
            if answer and not told.get("purpose") and told.get("response_status") == 200:
                yield at, Request(where, body, answer)
