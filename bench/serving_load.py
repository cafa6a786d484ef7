"""What capture costs under load, what micro-batching brings, and what a full queue answers.

Pairs of runs of wrk (32 connections) in turn on two servers of one model: capture on against off (wine), calls that take
along what waits against one call a request (``--batch-rows 1``), and a wait of 2 ms for company against none (both: a
forest of 100 trees). Ratios with the interval of the log-ratio. At the end a queue of 4 under 64 connections: how many 503.

python bench/serving_load.py [--pairs 20] [--seconds 2]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import serving_peers as peers
from timing import pairs


@contextmanager
def server(artefact: Path, name: str, *options: str) -> Iterator[peers.Server]:
    """A server that is up and warm."""
    from serving_artefacts import head_rows
    from serving_process import command, free_port

    port = free_port()
    rows = head_rows(artefact)
    body = json.dumps({**rows, "data": rows["data"][:1]}).encode()
    found = peers.Server(name, f"http://127.0.0.1:{port}/api/model/invoke", body)
    log = artefact.parent / f"{name.replace(' ', '-')}.log"
    process = peers.start(command(artefact, port, *options), log, {}, artefact.parent)
    try:
        peers.await_answer(found, process, log)
        peers.load(found, 32, 1)
        yield found
    finally:
        peers.stop(process)


def compare(title: str, one: peers.Server, other: peers.Server, count: int, seconds: int) -> None:
    """Time a request and p99 of one over the other's."""
    runs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for turn in range(count):
        if turn % 2:
            second = peers.load(other, 32, seconds)
            runs.append((peers.load(one, 32, seconds), second))
        else:
            runs.append((peers.load(one, 32, seconds), peers.load(other, 32, seconds)))
    told: tuple[tuple[str, Callable[[dict[str, Any]], float]], ...] = (
        ("time a request", lambda run: 1 / run["rate"]),
        ("p99", lambda run: run["p99_us"] / 1e6),
    )
    for what, of in told:
        errors = sum(side["errors"] for run in runs for side in run)
        pairs.tell(f"{title}, {what}", pairs.from_times([(of(a), of(b)) for a, b in runs]), errors=errors)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=2)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wine, forest = peers.artefact("wine", work / "wine"), peers.artefact("forest", work / "forest")
        with server(wine, "captured", "--capture", str(work / "feedback")) as on, server(wine, "not captured") as off:
            compare("capture on against off", on, off, told.pairs, told.seconds)
        with server(forest, "batching") as on:
            with server(forest, "one by one", "--batch-rows", "1") as off:
                compare("micro-batching against one by one", on, off, told.pairs, told.seconds)
            with server(forest, "waiting", "--batch-wait-ms", "2") as waiting:
                compare("a wait of 2 ms against none", waiting, on, told.pairs, told.seconds)
        with server(forest, "short queue", "--queue", "4", "--batch-rows", "1") as short:
            run = peers.load(short, 64, told.seconds)
            print(json.dumps({"bench": "a queue of 4 under 64 connections", "answered_per_s": round(run["rate"]),
                              "busy": run["bad_status"], "broken": run["broken"], "p99_us": run["p99_us"]}))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
