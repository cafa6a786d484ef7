"""Drift of 1 M + 1 M rows × 20 columns: ours by sketches against Evidently's DataDriftPreset, with the verdicts compared.

``python bench/quality_drift.py [--rows 1000000] [--columns 20]``: makes ``.bench/evidently`` on its first run. Both read the same
Parquet files and are timed in their own process from tables in memory to verdicts; every second column has moved by half
a standard deviation. Ours sketches both tables, although the training one's sketch is kept with the model. Goal: at most
1/30 of Evidently's time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

BENCH = Path(__file__).resolve().parent.parent / ".bench"
PEER = "evidently==0.7.23"
THEIRS = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
before, now = (pd.read_parquet(p) for p in sys.argv[1:3])
begun = time.perf_counter()
told = json.loads(Report([DataDriftPreset()]).run(now, before).json())
took = time.perf_counter() - begun
drifted = {}
for m in told["metrics"]:
    c = m.get("config", {})
    if "column" in c:
        drifted[c["column"]] = (m["value"], c.get("method"), c.get("threshold"))
print(json.dumps({"seconds": took, "columns": drifted}))
"""


def tables(rows: int, columns: int) -> tuple[pa.Table, pa.Table]:
    """Normal, skewed and bounded columns in turn; every second one has moved in the second table."""
    rng, made = np.random.default_rng(20261121), []
    for moved in (0.0, 0.5):
        kinds = (
            rng.normal,
            lambda size: rng.gamma(2.0, size=size) / np.sqrt(2),
            lambda size: rng.random(size) * np.sqrt(12),
        )
        made.append(pa.table({f"c{i:02}": kinds[i % 3](size=rows) + moved * (i % 2) for i in range(columns)}))
    return made[0], made[1]


def ours(before: pa.Table, now: pa.Table) -> tuple[float, dict[str, bool]]:
    """Seconds from tables to verdicts, and which columns drifted by psi."""
    from legion_ci.data.sketches.table import TableSketch
    from legion_ci.quality import drift_bins
    from legion_ci.quality.drift_settings import DriftSettings
    from legion_ci.quality.statistics import divergence

    settings, begun = DriftSettings(), time.perf_counter()
    old, new = (TableSketch.of(t.to_batches(1 << 18)) for t in (before, now))
    drifted = {}
    for column in old.columns:
        bins = drift_bins.both(old.columns[column], new.columns[column], settings.bins)
        drifted[column] = divergence.psi(bins.old, bins.new).interval(0.05)[0] > settings.limit("psi")
    return time.perf_counter() - begun, drifted


def theirs(files: list[Path]) -> tuple[float, dict[str, bool]]:
    """The same by Evidently in its own environment."""
    home = BENCH / "evidently"
    python = home / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "uv", "venv", "-q", "--python", "3.11", str(home)], check=True)
    subprocess.run(
        [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", str(python), PEER, "pandas<3", "pyarrow"],
        check=True,
    )
    done = subprocess.run([str(python), "-c", THEIRS, *map(str, files)], check=True, capture_output=True, text=True)
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return told["seconds"], {c: _drifted(*v) for c, v in told["columns"].items()}


def _drifted(value: float, method: str, threshold: float) -> bool:
    return value < threshold if "p_value" in method else value >= threshold


def main() -> int:
    """0; the limit is a goal for an idle machine and only told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    asked = parser.parse_args()
    BENCH.mkdir(exist_ok=True)
    pair, files = tables(asked.rows, asked.columns), [BENCH / f"drift-{i}.parquet" for i in (0, 1)]
    for table, file in zip(pair, files, strict=True):
        pq.write_table(table, file)
    first, own = ours(*pair)
    took, other = theirs(files)
    again, _ = ours(*pair)
    differ = sorted(c for c in own if own[c] != other.get(c))
    told = {"rows": asked.rows, "columns": asked.columns, "ours_s": [round(first, 2), round(again, 2)], "evidently_s": round(took, 1),
            "ratio": round(max(first, again) / took, 4), "limit": round(1 / 30, 4), "drifted": sum(own.values()), "verdicts_differ": differ}  # fmt: skip
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
