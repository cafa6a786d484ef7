"""Requests that users sent, and when, from the feedback store: the most real load that there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from legion_ci.core.errors import ConfigurationError
from legion_ci.feedback.database import opened
from legion_ci.feedback.events import source
from legion_ci.feedback.layout import REQUEST
from legion_ci.perf.requests import Request, answer_at
from legion_ci.perf.samples import MOST_ROWS


def requests(store: Path, model: str) -> list[Request]:
    """The newest good requests of users, oldest first, at most ``MOST_ROWS``; raises ConfigurationError for none."""
    return [request for _, request in _newest(store, model)]


def times(store: Path, model: str) -> list[float]:
    """When they came, in seconds since the epoch, rising."""
    return sorted(moment for moment, _ in _newest(store, model))


def _newest(store: Path, model: str) -> list[tuple[float, Request]]:
    """Live requests that were answered well; loads, mirrored copies and bodies that were cut are not replayed."""
    found: list[tuple[float, Request]] = []
    with opened(store, "reading the captured requests") as db:
        db.execute(_NEWEST.format(source=source(store, REQUEST, model, 0.0, _COLUMNS)))
        while len(found) < MOST_ROWS and (rows := db.fetchmany(1000)):
            found.extend(_readable(rows))
    if not found:
        raise ConfigurationError(
            "no request of a user is captured yet", where=f"perf: {store}", todo="send some, or give a file"
        )
    return sorted(found[:MOST_ROWS], key=lambda f: f[0])


_COLUMNS = ("time_unix", "request_content", "request_uri", "response_status", "purpose")
_NEWEST = """SELECT time_unix, request_content, request_uri FROM {source}
    WHERE coalesce(purpose, '') = '' AND response_status = 200 AND request_content IS NOT NULL AND request_uri IS NOT NULL
    AND time_unix IS NOT NULL ORDER BY time_unix DESC"""


def _readable(rows: list[tuple[float, str, str]]) -> Iterator[tuple[float, Request]]:
    for at, body, uri in rows:
        try:
            answer = answer_at(where := urlsplit(uri).path)
            json.loads(body)
        except ValueError:
            continue
        if answer:
            yield at, Request(where, body, answer)
