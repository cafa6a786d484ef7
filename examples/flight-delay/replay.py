"""Replay a month of flights as live traffic: ask before each departure, then tell what really happened.

Each flight is one request with the aircraft as the sticky unit; its outcome goes to the feedback address right after
the answer, with the id and the model's name and version from the answer's headers. Totals are printed as JSON.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq

HERE = Path(__file__).parent
IDENTITY = ("request_id", "tailnum", "time")
OUTCOME = "late"
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Flight:
    """One request to make: its id, its unit, the body, and the outcome to tell afterwards."""

    request_id: str
    unit: str
    body: bytes
    outcome: bytes


def flights(rows: list[dict[str, Any]], run: str, laps: int | None) -> Iterator[Flight]:
    """The flights in their order, ``laps`` times over (None: without end). Ids are unique to run and lap."""
    columns = [c for c in rows[0] if c not in (*IDENTITY, OUTCOME)]
    lap = 0
    while laps is None or lap < laps:
        for row in rows:
            body = json.dumps({"columns": columns, "data": [[row[c] for c in columns]]}).encode()
            outcome = json.dumps({OUTCOME: row[OUTCOME]}).encode()
            yield Flight(f"{run}-{lap}-{row['request_id']}", row["tailnum"], body, outcome)
        lap += 1


@dataclass
class Pace:
    """Hands out flights to several threads at a bounded rate; lost time is not caught up in a burst."""

    source: Iterator[Flight]
    rate: float  # a second
    seconds: float | None = None
    stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _due: float = field(default_factory=time.monotonic)
    _began: float = field(default_factory=time.monotonic)

    def next(self) -> Flight | None:
        """The next flight, at its time; None at the end."""
        with self._lock:
            flight = next(self.source, None)
            now = time.monotonic()
            self._due = max(self._due + 1 / self.rate, now - 0.1)
            wait_s = self._due - now
        if flight is None or (self.seconds is not None and self._due - self._began > self.seconds):
            return None
        return None if self.stopped.wait(max(0.0, wait_s)) else flight


@dataclass
class Totals:
    """What happened, counted by all threads."""

    answered: Counter[str] = field(default_factory=Counter)  # by model version
    failures: Counter[str] = field(default_factory=Counter)  # by kind
    outcomes: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def summary(self, seconds: float) -> dict[str, Any]:
        """For printing."""
        latencies = sorted(self.latencies_ms) or [0.0]
        answered = sum(self.answered.values())
        return {
            "requests": answered + sum(n for kind, n in self.failures.items() if kind.startswith("invoke")),
            "answered": answered,
            "outcomes": self.outcomes,
            "failed": sum(self.failures.values()),
            "failures": dict(sorted(self.failures.items())),
            "by_model_version": dict(sorted(self.answered.items())),
            "seconds": round(seconds, 2),
            "rate": round(answered / seconds, 1) if seconds else 0.0,
            "p50_ms": round(latencies[len(latencies) // 2], 2),
            "p99_ms": round(latencies[len(latencies) * 99 // 100], 2),
        }


class Client:
    """One kept-alive connection to the gateway."""

    def __init__(self, url: str, totals: Totals) -> None:
        address = urlsplit(url)
        self.connection = HTTPConnection(address.hostname or "127.0.0.1", address.port or 80, timeout=TIMEOUT_S)
        self.path = address.path.rstrip("/")
        self.totals = totals

    def fly(self, flight: Flight) -> None:
        """Ask for a prediction, then tell the outcome; what fails is counted, not raised."""
        began = time.monotonic()
        headers = {"Request-Id": flight.request_id, "x-legion-unit": flight.unit}
        answer = self._post("invoke", "/api/model/invoke", flight.body, headers)
        if answer is None:
            return
        elapsed_ms = (time.monotonic() - began) * 1000
        name, version = answer.get("model-name", ""), answer.get("model-version", "")
        told = self._post(
            "feedback",
            "/api/v1/feedback",
            flight.outcome,
            {"Request-Id": flight.request_id, "model-name": name, "model-version": version},
        )
        with self.totals.lock:
            self.totals.answered[version] += 1
            self.totals.latencies_ms.append(elapsed_ms)
            self.totals.outcomes += told is not None

    def _post(self, kind: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, str] | None:
        """The answer's headers, lower case; None when it was not a 200."""
        try:
            self.connection.request("POST", self.path + path, body, {"Content-Type": "application/json", **headers})
            response = self.connection.getresponse()
            response.read()
            if response.status == 200:
                return {name.lower(): value for name, value in response.getheaders()}
            problem = f"{kind} {response.status}"
        except (OSError, HTTPException) as error:
            self.connection.close()
            problem = f"{kind} {type(error).__name__}"
        with self.totals.lock:
            self.totals.failures[problem] += 1
        return None


def run(url: str, pace: Pace, threads: int) -> dict[str, Any]:
    """Replay with so many connections until the flights, the time or the patience end; returns the totals."""
    totals = Totals()
    began = time.monotonic()

    def work() -> None:
        client = Client(url, totals)
        while (flight := pace.next()) is not None:
            client.fly(flight)
        client.connection.close()

    workers = [threading.Thread(target=work, name=f"replay-{n}") for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return totals.summary(time.monotonic() - began)


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("url", help="the gateway, as legion-ci status prints it")
    parser.add_argument(
        "--data", type=Path, default=HERE / "data" / "live" / "2013-07.parquet", help="flights to replay"
    )
    parser.add_argument("--rate", type=float, default=400.0, help="flights a second at most (default: 400)")
    parser.add_argument("--limit", type=int, help="stop after so many flights")
    parser.add_argument("--seconds", type=float, help="stop after so many seconds")
    parser.add_argument("--loop", action="store_true", help="begin again at the end of the file (same aircraft)")
    parser.add_argument("--threads", type=int, default=8, help="connections (default: 8)")
    parser.add_argument("--run", default=uuid.uuid4().hex[:8], help="start of the request ids (default: random)")
    return parser.parse_args(arguments)


def main() -> int:
    """Replay; 0 when every request was answered and every outcome taken, 1 otherwise."""
    chosen = options()
    source = flights(pq.read_table(chosen.data).to_pylist(), chosen.run, None if chosen.loop else 1)
    pace = Pace(islice(source, chosen.limit), chosen.rate, chosen.seconds)
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: pace.stopped.set())
    totals = run(chosen.url, pace, chosen.threads)
    print(json.dumps(totals, indent=2))
    return 1 if totals["failed"] or not totals["answered"] else 0


if __name__ == "__main__":
    sys.exit(main())
