"""The run's log, from which every figure is computed: HDR histograms of 0.1 s each, in pieces that add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

import msgspec
from hdrh.histogram import HdrHistogram

TICK_S = 0.1
LONGEST_US = 3_600_000_000  # an hour: longer is recorded as this
DIGITS = 3
TICKS, RAW, STATUS = "ticks.jsonl", "requests.csv", "status.json"
RAW_COLUMNS = ("intended_us", "sent_us", "done_us", "status", "bytes", "late", "name", "failure")

_K = TypeVar("_K")
_GRID = HdrHistogram(1, LONGEST_US, DIGITS)


def on_grid(latency_us: int) -> int:
    """The HDR histogram's cell of a latency: exact below 2 ms, to 0.1 % above."""
    return int(_GRID.get_lowest_equivalent_value(min(max(latency_us, 1), LONGEST_US)))


class Tick(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is added to 0.1 s of the run (``tick`` counts from its start) by requests of one name (Locust's).

    answered, failed: requests whose *intended* start lies in the tick, as HDR cell in microseconds -> count. done: good
    answers that *came* in the tick. late: arrivals of the tick that the generator sent late although a user was free.
    """

    tick: int
    name: str = ""
    answered: dict[int, int] = {}
    failed: dict[int, int] = {}
    done: int = 0
    late: int = 0


class Status(msgspec.Struct, kw_only=True):
    """How the generator fared; written at its start and at its end. Of several processes: added up (``merged``).

    open_users, closed_users, unmarked: names of the user classes with planned arrivals, of Locust's own kind, and of
    those whose requests could not be marked. workers, lost: processes that took part, and that never told their end.
    null_us: latencies of probes to a server that does nothing, as HDR cell -> count. stopped: the budget that was broken
    when the load was stopped early. unanswered: arrivals without an answer when the run ended. looks_late: how
    often, of ``looks`` timers, the generator was woken late. cpu: share of one core, second by second, of the busiest
    process. failures: distinct messages with their counts.
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
    workers: int = 0
    lost: int = 0
    null_us: dict[int, int] = {}
    stopped: str = ""
    stranger: str = ""  # a machine whose worker wanted to take part and is not named


def merged(parts: Sequence[Status]) -> Status:
    """The account of several processes as one; histograms and counters add."""
    added = ("planned", "looks", "looks_late", "unanswered", "most_users", "raw_rows", "raw_lost")
    return Status(
        **{name: sum(getattr(p, name) for p in parts) for name in added},
        open_users=list(dict.fromkeys(u for p in parts for u in p.open_users)),
        closed_users=list(dict.fromkeys(u for p in parts for u in p.closed_users)),
        unmarked=list(dict.fromkeys(u for p in parts for u in p.unmarked)),
        foreign=next((p.foreign for p in parts if p.foreign), ""),
        stopped=next((p.stopped for p in parts if p.stopped), ""),
        started_unix=min((p.started_unix for p in parts), default=0.0),
        ended_s=max((p.ended_s for p in parts), default=0.0),
        finished=bool(parts) and all(p.finished for p in parts),
        cpu=[max(second) for second in zip_longest(*(p.cpu for p in parts), fillvalue=0.0)],
        failures=dict(_sum(p.failures for p in parts)),
        null_us=dict(_sum(p.null_us for p in parts)),
        workers=len(parts),
    )


def _sum(parts: Iterable[Mapping[_K, int]]) -> Counter[_K]:
    total: Counter[_K] = Counter()
    for part in parts:
        total.update(part)
    return total


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
