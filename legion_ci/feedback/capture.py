"""The one interface between the model server and whatever keeps its requests and answers."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """One request with its answer, as the server saw them.

    Attributes:
        request_id: the ``Request-Id`` of request, answer and outcome.
        deployment: the server's own deployment id.
        arm: the deployment that the gateway meant (header); differs from ``deployment`` for a mirrored copy.
        purpose: "" for live traffic, else shadow, direct or perf; only "" and shadow are evidence.
        experiment: salt of the split that assigned the unit.
        share: the arm's share of traffic at assignment, 0..1 (0 when not assigned by the gateway).
        unit: hash of the sticky unit, 16 hexadecimal digits.
        time: seconds since the epoch when the request arrived.
        latency_us: microseconds until the answer was ready.
        request, response: bodies as received and sent.
    """

    request_id: str
    deployment: str
    arm: str
    model_name: str
    model_version: str
    digest: str
    purpose: str
    experiment: str
    share: float
    unit: str
    time: float
    latency_us: int
    method: str
    uri: str
    status: int
    request: bytes
    response: bytes
    step: str = ""  # the promotion step at assignment (shadow, 5, …)


class Sink(Protocol):
    """Keeps captures. ``put`` never blocks and never raises: what cannot be kept is counted in ``dropped``."""

    @property
    def dropped(self) -> int:
        """How many captures could not be kept."""

    def put(self, capture: Capture) -> None:
        """Take one capture, at once."""

    def close(self) -> None:
        """Write what is still held, and stop."""
