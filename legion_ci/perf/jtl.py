"""The raw requests as a JTL file (JMeter's CSV), one row a request, for Jenkins' Performance plug-in.

JTL knows whole milliseconds only; the record keeps microseconds.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COLUMNS = (
    "timeStamp",
    "elapsed",
    "label",
    "responseCode",
    "responseMessage",
    "threadName",
    "success",
    "bytes",
    "Latency",
)
_MS_US = 1000


def write(raw: Path, target: Path, started_unix: float, warmup_s: float, duration_s: float) -> int:
    """Write the raw log's requests between warm-up and end, times in milliseconds; returns their number."""
    rows = 0
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in measured_rows(raw, warmup_s, duration_s):
            writer.writerow(_line(row, started_unix))
            rows += 1
    return rows


def measured_rows(raw: Path, warmup_s: float, duration_s: float) -> Iterator[dict[str, Any]]:
    """Rows of the raw log whose intended start lies between warm-up and end."""
    with raw.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if warmup_s * 1e6 <= int(row["intended_us"]) < duration_s * 1e6:
                yield row


def _line(row: dict[str, Any], started_unix: float) -> tuple[object, ...]:
    intended_us, done_us = int(row["intended_us"]), int(row["done_us"])
    elapsed_ms = round((done_us - intended_us) / _MS_US)
    failure = " ".join(row["failure"].split())
    return (
        round(started_unix * 1000 + intended_us / 1000),
        elapsed_ms,
        row["name"],
        row["status"] if row["status"] != "0" else "",
        failure or "OK",
        "locust",
        "false" if failure else "true",
        row["bytes"],
        elapsed_ms,
    )
