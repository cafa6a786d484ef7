"""What may be kept of bodies: written into the store by the site's tools, obeyed by every server and collector at once.

A policy that cannot be read lets nothing be kept: what should have been redacted must not be stored.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from legion_ci.core.files import write_atomic
from legion_ci.feedback import redaction
from legion_ci.feedback.capture import Capture
from legion_ci.feedback.outcomes import Outcome

_FILE = "policy.json"


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """sample: share of requests whose bodies are kept. redact: fields whose values are never stored."""

    sample: float = 1.0
    redact: tuple[str, ...] = ()

    def capture(self, c: Capture) -> Capture:
        """What may be kept of a request and its answer; without bodies it still counts in latency, errors and split."""
        if not self.keeps(c.request_id):
            return msgspec.structs.replace(c, request=b"", response=b"", uri=c.uri.partition("?")[0])
        if not self.redact:
            return c
        hidden = frozenset(self.redact)
        request, response = (redaction.body(b, hidden) for b in (c.request, c.response))
        return msgspec.structs.replace(c, request=request, response=response, uri=redaction.uri(c.uri, hidden))

    def outcome(self, o: Outcome) -> Outcome:
        """What may be kept of an outcome."""
        if not self.redact:
            return o
        return msgspec.structs.replace(o, payload=redaction.value(o.payload, frozenset(self.redact)))

    def keeps(self, request_id: str) -> bool:
        """Whether bodies of that request are kept: the same answer for original and copy, on every server."""
        if self.sample >= 1:
            return True
        place = int.from_bytes(hashlib.sha256(f"sample:{request_id}".encode()).digest()[:6]) / 2**48
        return place < self.sample


class Unreadable(ValueError):
    """There is a policy and nobody knows what it says."""


class PolicyFile:
    """The policy of a store, read again when its file has changed."""

    def __init__(self, store: Path) -> None:
        self._path = store / _FILE
        self._seen: tuple[int, int, int] | None = None
        self._policy = Policy()

    def current(self) -> Policy:
        """The policy as it is now; raises Unreadable."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._seen, self._policy = None, Policy()
            return self._policy
        seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        if seen != self._seen:
            self._policy, self._seen = _decode(self._path), seen
        return self._policy


def _decode(path: Path) -> Policy:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Policy)
    except (OSError, msgspec.DecodeError) as error:
        raise Unreadable(f"{path}: is no policy ({error})") from error


def write(store: Path, policy: Policy) -> None:
    """Put a policy in force; does nothing when it is in force."""
    path = store / _FILE
    try:
        if _decode(path) == policy:
            return
    except Unreadable:
        pass
    if path.exists() or policy != Policy():
        write_atomic(path, msgspec.json.encode(policy))
