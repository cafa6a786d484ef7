"""How many events a second the join takes, on one core: ``python bench/promote_join.py [--requests 200000]``.

Writes requests, answers and outcomes of a site (10 % of all events twice, shuffled over 30 days), joins them with
DuckDB on one thread, and compares with reading the same files line by line in Python (a reference workload).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from promote_events import capture, outcome, write

from legion_ci.feedback import database, join

DAY_S = 86400.0


def make(store: Path, requests: int, chance: random.Random) -> int:
    """Write the events; returns their number (lines of all three tags)."""
    captures, outcomes = [], []
    for i in range(requests):
        at = 1_700_000_000 + chance.random() * 30 * DAY_S
        captures.append(capture(f"request-{i:09d}", at=at, unit=f"u{i % 5000}", deployment="ab"[i % 2]))
        outcomes.append(outcome(f"request-{i:09d}", {"late": i % 3 == 0}, at=at + chance.random() * DAY_S))
    captures += chance.choices(captures, k=requests // 10)
    outcomes += chance.choices(outcomes, k=requests // 10)
    chance.shuffle(captures)
    chance.shuffle(outcomes)
    for start in range(0, len(captures), 10_000):
        write(store, captures[start : start + 10_000], outcomes[start : start + 10_000])
    return 2 * len(captures) + len(outcomes)


def line_by_line(store: Path) -> int:
    """The reference: decode every line once."""
    return sum(1 for p in store.rglob("*.jsonl") for line in p.read_bytes().splitlines() if msgspec.json.decode(line))


def one_thread() -> None:
    """Have every connection of the join use one thread."""
    connect = duckdb.connect
    duckdb.connect = lambda *a, **k: connect(*a, **{**k, "config": {"threads": 1}})
    database.THREADS = 1


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=200_000)
    told = parser.parse_args()
    one_thread()
    with tempfile.TemporaryDirectory() as folder:
        events = make(Path(folder), told.requests, random.Random(1))
        seconds = {}
        for name, work in (
            ("join", lambda: join.joined(Path(folder), "wine", experiment="x", outcome="late").rows.num_rows),
            ("line_by_line", lambda: line_by_line(Path(folder))),
        ):
            began = time.perf_counter()
            found = work()
            seconds[name] = time.perf_counter() - began
            assert found == (told.requests if name == "join" else events)
    print(json.dumps({
        "events": events, "join_events_per_s": round(events / seconds["join"]),
        "line_by_line_events_per_s": round(events / seconds["line_by_line"]),
        "ratio": round(seconds["join"] / seconds["line_by_line"], 2),
    }, indent=2))  # fmt: skip


if __name__ == "__main__":
    main()
