"""Describes a request with its answer for the feedback store, from the headers that the gateway sets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from legion_ci.feedback.capture import Capture

Header = Callable[[str], str]
_PURPOSES = ("", "shadow", "direct", "perf")


@dataclass(frozen=True)
class Identity:
    """Who this server is. unit_header: lower-case name of the header with the sticky unit, "" for the request id."""

    deployment: str
    model_name: str
    model_version: str
    digest: str
    unit_header: str = ""


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, as the server saw them. time: seconds since the epoch at arrival."""

    request_id: str
    method: str
    uri: str
    time: float
    latency_us: int
    status: int
    request: bytes
    response: bytes


def capture(who: Identity, header: Header, exchange: Exchange) -> Capture:
    """The capture of one exchange. header: a request header by lower-case name, "" when absent."""
    arm, experiment = header("x-legion-arm"), header("x-legion-experiment")
    unit = (header(who.unit_header) if who.unit_header else "") or exchange.request_id
    return Capture(
        request_id=exchange.request_id, deployment=who.deployment, arm=arm or who.deployment,
        model_name=who.model_name, model_version=who.model_version, digest=who.digest,
        purpose=purpose(arm, who.deployment, header("x-legion-purpose")),
        experiment=experiment, share=_share(header("x-legion-share")), unit=unit_hash(experiment, unit),
        time=exchange.time, latency_us=exchange.latency_us, method=exchange.method, uri=exchange.uri,
        status=exchange.status, request=exchange.request, response=exchange.response, step=header("x-legion-step"),
    )  # fmt: skip


def purpose(arm: str, deployment: str, said: str) -> str:
    """What a request was for: "" live traffic, else shadow, direct or perf.

    A copy meant for another arm is a shadow. Without an arm the gateway was not asked: such a request is never evidence.
    """
    if not arm:
        return "perf" if said == "perf" else "direct"
    if arm != deployment:
        return "shadow"
    return said if said in _PURPOSES else "direct"


def unit_hash(experiment: str, unit: str) -> str:
    """16 hexadecimal digits that stand for a unit within one experiment."""
    return hashlib.sha256(f"{experiment}:{unit}".encode()).hexdigest()[:16]


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        return 0.0
    return share if 0 <= share <= 1 else 0.0
