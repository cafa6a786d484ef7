"""The gate on more rows than memory takes: a contract, drift, two models' answers, claims and 50 slices, in bounded memory.

``python bench/quality_stream.py [--rows 1000000] [--memory 64MiB] [--keep]``; the full size is ``--rows 100000000 --memory 2GiB``
(``make bench-long``; 8 GB of disk for rows, as much for kept answers). 20 columns: the target, a region of 50 values, 18 numbers.
Everything runs as in a build but for the models' environment, which is this one. Tells seconds and the gate's own peak of resident
memory; a model's process answers one piece of the rows at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

HOME = Path(__file__).resolve().parent.parent / ".bench" / "stream"
PIECE = 1_000_000
FEATURES = [f"x{i:02}" for i in range(18)]
CHECKS = [
    {"use": "contract", "min_rows": 1000, "columns": {"y": {"type": "integer", "allowed": [0, 1]}, "region": {"type": "string", "nulls": 0.0},
     **{c: {"type": "number", "min": -20, "max": 20, "nulls": 0.001} for c in FEATURES}}},
    {"use": "drift"},
    {"use": "metric", "metric": "accuracy", "versus": "champion", "margin": 0.005},
    {"use": "metric", "metric": "brier", "versus": "champion", "margin": 0.002},
    {"use": "metric", "metric": "f1", "min": 0.3},
    {"use": "metric", "metric": "recall", "versus": "champion", "margin": 0.002, "slices": ["region"]},
    {"use": "metric", "metric": "roc_auc", "min": 0.6},
]  # fmt: skip


def piece(number: int, rows: int) -> pa.Table:
    """Rows of one part of the data, the same each time."""
    rng = np.random.default_rng((20261121, number))
    x = rng.standard_normal((len(FEATURES), rows), dtype=np.float32)
    y = (x[0] + 0.5 * x[1] - 0.5 * x[2] + rng.standard_normal(rows, dtype=np.float32) > 1).astype(np.int8)
    names = pa.array([f"r{i:02}" for i in range(50)])
    region = pa.DictionaryArray.from_arrays(pa.array(rng.integers(0, 50, rows), pa.int8()), names).cast(pa.string())
    return pa.table({"y": y, "region": region, **dict(zip(FEATURES, x, strict=True))})


def prepare(rows: int) -> None:
    """Parquet files, two models and the reference sketch."""
    from serving_artefacts import write
    from sklearn.linear_model import LogisticRegression

    from legion_ci.data.sketches import table as sketches

    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    for number, start in enumerate(range(0, rows, PIECE)):
        part = piece(number, min(PIECE, rows - start))
        pq.write_table(part, HOME / f"part-{number:04}.parquet", row_group_size=100_000)
    learn = piece(1 << 20, 200_000)
    frame = learn.select(FEATURES).to_pandas()
    for version, penalty in (("old", 1.0), ("new", 0.01)):
        fitted = LogisticRegression(C=penalty).fit(frame, learn.column("y").to_numpy())
        folder = write(HOME / version, fitted, learn.select(FEATURES).slice(0, 20), version=version)
        told = sketches.encode(sketches.TableSketch.of(learn.select(FEATURES).to_batches(1 << 17)))
        (folder / "legion_model" / "reference_sketch.json").write_bytes(told)
        (folder / "legion_model" / "requirements.lock").write_text("")


def judge(memory: str) -> dict[str, object]:
    """The gate's run, in this process."""
    from legion_ci.core import environments, plugins
    from legion_ci.core.tools import Tools
    from legion_ci.data.files import FileSettings
    from legion_ci.gateway.routes import Arm
    from legion_ci.quality.stage import run
    from legion_ci.results import ModelRef, TrainResult
    from legion_ci.settings.schema import QualitySettings
    from legion_ci.store import artefacts

    environments.ensure = lambda lock, tools, links=(): Path(sys.executable)  # type: ignore[assignment]
    new, old = (ModelRef(name="demo", version=v, artefact=artefacts.of_folder(HOME / v)) for v in ("new", "old"))
    checks = tuple(plugins.load("checks", str(c["use"])).Settings(**c) for c in CHECKS)
    found = run(
        QualitySettings(checks=checks, memory=memory), {"eval": FileSettings(path="part-*.parquet", target="y", ignore=("region",))},
        trained=TrainResult(model=new, tracking_uri="", experiment=""), champion=Arm(deployment="d", model=old, endpoint="127.0.0.1:1"),
        first=False, folder=HOME, work=HOME / "work", tools=Tools(),
    )  # fmt: skip
    claims = {
        c.name: [str(c.outcome), c.effect, c.lower, c.upper, c.n]
        for c in found.checks
        if c.kind == "metric" and not c.slice
    }
    return {
        "rows": found.n_rows,
        "verdict": str(found.verdict),
        "summary": found.summary,
        "checks": len(found.checks),
        "claims": claims,
    }


def child(memory: str) -> int:
    """Judge and tell what it took."""
    begun = time.perf_counter()
    told = judge(memory)
    peak = next(
        int(li.split()[1]) for li in Path("/proc/self/status").read_text().splitlines() if li.startswith("VmHWM")
    )
    told |= {"seconds": round(time.perf_counter() - begun), "gate_peak_mib": round(peak / 1024), "memory": memory}
    print(json.dumps(told))
    return 0


def main() -> int:
    """0; the limit of 2 GiB is a goal that is told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--memory", default="64MiB")
    parser.add_argument("--keep", action="store_true", help="leave rows and answers below .bench/stream")
    parser.add_argument("--judge", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.judge:
        return child(asked.memory)
    begun = time.perf_counter()
    prepare(asked.rows)
    print(f"prepared in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    command = [sys.executable, __file__, "--judge", "--memory", asked.memory]
    done = subprocess.run(command, env={**os.environ, "LEGION_CACHE": str(HOME / "cache")}, check=False)
    if not asked.keep:
        shutil.rmtree(HOME, ignore_errors=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
