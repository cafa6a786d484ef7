"""How often the same rows were asked the same question: a lottery shows itself, and is counted."""

from __future__ import annotations

import json

from legion_ci.core.files import digest_bytes, write_atomic
from legion_ci.core.lock import locked
from legion_ci.core.site import cache_home


def count(champion: str, data: str, settings: str, candidate: str) -> int:
    """Candidates that were judged against that champion on those rows by those settings, this one included.

    All are digests. The same candidate again is not a new attempt, since its verdict is the same.
    """
    path = cache_home() / "attempts" / f"{digest_bytes(json.dumps([champion, data, settings]).encode())[:40]}.json"
    with locked(path.with_suffix(".lock"), what="the count of attempts"):
        try:
            seen = list(json.loads(path.read_bytes()))
        except (OSError, ValueError):
            seen = []
        if candidate not in seen:
            seen.append(candidate)
            write_atomic(path, json.dumps(seen))
    return len(seen)
