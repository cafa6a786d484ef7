"""What the server is told on its command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Limits:
    """What one request, one call of the model, and the queue before it may hold.

    batch_wait_s: how long a request may be kept waiting for others to share its call of ``predict``; 0 takes along
    only what queued up while the model was busy. arrival_s: how long a request's head, and then its body, may take to
    arrive.
    """

    max_rows: int = 10_000
    max_body_bytes: int = 32 << 20
    batch_rows: int = 256
    batch_wait_s: float = 0.0
    queue_requests: int = 512
    queue_rows: int = 100_000
    arrival_s: float = 30.0


@dataclass(frozen=True)
class Options:
    """One server. deployment: "" means ``<model name>-<version>``; digest: "" means that it is computed."""

    model: Path
    port: int
    host: str = "127.0.0.1"
    deployment: str = ""
    workers: int = 1
    capture: Path | None = None
    unit_header: str = ""
    digest: str = ""
    grace_s: int = 30
    limits: Limits = Limits()


def parse(arguments: Sequence[str]) -> Options:
    """Options from command-line words; argparse ends the process with status 2 on wrong ones."""
    told = _parser().parse_args(arguments)
    limits = Limits(
        max_rows=told.max_rows,
        max_body_bytes=told.max_body_mib << 20,
        batch_rows=told.batch_rows,
        batch_wait_s=told.batch_wait_ms / 1000,
        queue_requests=told.queue,
        queue_rows=max(Limits.queue_rows, told.max_rows),
        arrival_s=told.arrival_s,
    )
    return Options(
        model=told.model, port=told.port, host=told.host, deployment=told.deployment, workers=told.workers,
        capture=told.capture, unit_header=told.unit_header.lower(), digest=told.digest, grace_s=told.grace_s,
        limits=limits,
    )  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m legion_ci.serving", description="Serve a model over REST.")
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="the artefact folder")
    add("--port", type=_between(1, 65535), required=True)
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--deployment", default="", metavar="ID", help="this deployment's id (the model's name and version)")
    add("--workers", type=_between(1, 64), default=1, help="server processes (%(default)s)")
    add("--capture", type=Path, metavar="DIR", help="keep requests and answers in this feedback store")
    add("--unit-header", default="", metavar="NAME", help="header with the sticky unit (Request-Id)")
    add("--digest", default="", metavar="SHA256", help="the artefact's digest, when it is known already")
    add("--max-rows", type=_between(1, 1_000_000), default=Limits.max_rows, help="rows a request (%(default)s)")
    add("--max-body-mib", type=_between(1, 1024), default=32, help="size of a request (%(default)s MiB)")
    add("--batch-rows", type=_between(1, 100_000), default=Limits.batch_rows, help="rows a call (%(default)s)")
    add("--batch-wait-ms", type=_milliseconds, default=0.0, help="added wait to fill a call (%(default)s ms)")
    add("--queue", type=_between(1, 100_000), default=Limits.queue_requests, help="waiting requests (%(default)s)")
    add("--arrival-s", type=_between(1, 3600), default=30, help="time for a request to arrive (%(default)s s)")
    add("--grace-s", type=_between(1, 3600), default=30, help="time to finish requests on TERM (%(default)s s)")
    return parser


class _between:
    """An integer within bounds; argparse shows the message."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def __call__(self, text: str) -> int:
        if not text.isascii() or not text.isdigit() or not self.low <= int(text) <= self.high:
            raise argparse.ArgumentTypeError(f"must be between {self.low} and {self.high} (found {text!r})")
        return int(text)


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1000:
        raise argparse.ArgumentTypeError(f"must be between 0 and 1000 ms (found {text!r})")
    return value
