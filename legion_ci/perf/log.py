"""The run's log, from which every figure is computed: HDR histograms of 0.1 s each, in pieces that add up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from hdrh.histogram import HdrHistogram

TICK_S = 0.1
LONGEST_US = 3_600_000_000  # an hour: longer is recorded as this
DIGITS = 3
TICKS, RAW, STATUS = "ticks.jsonl", "requests.csv", "status.json"
RAW_COLUMNS = ("intended_us", "sent_us", "done_us", "status", "bytes", "late", "name", "failure")

_GRID = HdrHistogram(1, LONGEST_US, DIGITS)


def on_grid(latency_us: int) -> int:
    """The HDR histogram's cell of a latency: exact below 2 ms, to 0.1 % above."""
    return int(_GRID.get_lowest_equivalent_value(min(max(latency_us, 1), LONGEST_US)))


class Tick(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is added to 0.1 s of the run (``tick`` counts from its start).

    answered, failed: requests whose *intended* start lies in the tick, as HDR cell in microseconds -> count. done: good
    answers that *came* in the tick. late: arrivals of the tick that the generator sent late although a user was free.
    """

    tick: int
    answered: dict[int, int] = {}
    failed: dict[int, int] = {}
    done: int = 0
    late: int = 0


class Status(msgspec.Struct, kw_only=True):
    """How the generator fared; written at its start and at its end.

    open_users, closed_users, unmarked: names of the user classes with planned arrivals, of Locust's own kind, and of
    those whose requests could not be marked. unanswered: arrivals without an answer when the run ended. looks_late: how
    often, of ``looks`` timers, the generator was woken late. cpu: share of one core, second by second. failures:
    distinct messages with their counts.
    """

    open_users: list[str] = []
    closed_users: list[str] = []
    unmarked: list[str] = []
    foreign: str = ""  # an address outside the host under test that the locustfile wanted to load
    started_unix: float = 0.0
    finished: bool = False
    planned: int = 0
    ended_s: float = 0.0
    looks: int = 0
    looks_late: int = 0
    unanswered: int = 0
    most_users: int = 0
    cpu: list[float] = []
    failures: dict[str, int] = {}
    raw_rows: int = 0
    raw_lost: int = 0


def read_ticks(path: Path, offset: int = 0) -> Iterator[tuple[Tick, int]]:
    """Whole lines of the log from a byte offset on, each with the offset behind it."""
    decoder = msgspec.json.Decoder(Tick)
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            yield decoder.decode(line), offset


def read_status(path: Path) -> Status | None:
    """The generator's own account; None when it never came so far."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Status)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
