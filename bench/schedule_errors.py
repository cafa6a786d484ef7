"""How often the triggers of a retraining are wrong, and how often right, by simulation.

    .venv/bin/python bench/schedule_errors.py --runs 4000

Decay: users who differ in how well they are predicted; the loss is just the margin (an alarm is an error), or more. Drift:
requests from the distribution of the training data at a limit near 0, where every alarm is an error, and shifted ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import pyarrow as pa
from scipy import stats

from legion_ci.data.sketches.table import TableSketch
from legion_ci.schedule import decay, drift
from legion_ci.schedule.decay import Half
from legion_ci.settings.schema import DecayTrigger, DriftTrigger

Random = np.random.Generator
MARGIN, COLUMNS = 0.02, 3


def decayed(random: Random, lost: float, users: int, each: int, spread: float, *, clustered: bool = True) -> bool:
    """One look at decay."""
    halves = []
    for right in (0.8, 0.8 - lost):
        skill = np.clip(right + spread * random.standard_normal(users), 0, 1)
        scores = (random.random((users, each)) < skill[:, None]).astype(float).ravel()
        units = np.repeat(np.arange(users), each) if clustered else np.arange(users * each)
        halves.append(Half(scores, units))
    return decay.judge(DecayTrigger(margin=MARGIN), "accuracy", *halves, 0.5).answer == "yes"


def drifted(random: Random, shift: float, limit: float, rows: int, each: int = 1) -> bool:
    """One look at drift; each: equal rows of one user."""
    names = [f"c{i}" for i in range(COLUMNS)]
    reference = TableSketch.of([pa.table({n: random.standard_normal(4000) for n in names})])
    users = rows // each
    columns = {n: list(np.repeat(random.normal(shift, 1.0, users), each)) for n in names}
    seen = drift.Seen(columns, [str(u) for u in np.repeat(np.arange(users), each)])
    return drift.judge(DriftTrigger(limit=limit), reference, names, seen).answer == "yes"


CASES: dict[str, Callable[[Random], bool]] = {
    "decay, loss = margin, 400 users of 1 row": lambda r: decayed(r, MARGIN, 400, 1, 0.0),
    "decay, loss = margin, 250 users of 20 rows": lambda r: decayed(r, MARGIN, 250, 20, 0.15),
    "the same, rows taken as independent": lambda r: decayed(r, MARGIN, 250, 20, 0.15, clustered=False),
    "decay, loss 0.10, 400 users of 1 row": lambda r: decayed(r, 0.10, 400, 1, 0.0),
    "drift, none, limit 0.001, 300 rows": lambda r: drifted(r, 0.0, 0.001, 300),
    "drift, none, limit 0.001, 900 rows of 300 users": lambda r: drifted(r, 0.0, 0.001, 900, 3),
    "drift, 0.7 standard deviations, limit 0.2, 300 rows": lambda r: drifted(r, 0.7, 0.2, 300),
}


def main() -> None:
    """Print the share of alarms of each case with its exact 99 % interval; alpha is 0.05."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4000)
    runs = parser.parse_args().runs
    for name, case in CASES.items():
        random = np.random.default_rng(20261121)
        alarms = sum(case(random) for _ in range(runs))
        low, high = stats.binomtest(alarms, runs).proportion_ci(0.99)
        print(f"{name:55} {alarms / runs:6.3f}  [{low:.3f}, {high:.3f}]", flush=True)


if __name__ == "__main__":
    main()
