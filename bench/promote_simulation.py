"""False and true decisions of promotion under continuous looks: ``python bench/promote_simulation.py [--runs 400]``.

The cells of docs/decisions/0002-promotion-evidence.md: equal arms at shares of 50, 25 and 5 % and base rates of 10, 1 and
0.1 %, a ramp with a drifting base, pairs at the margin, errors, the sample ratio, and the power of one gain. Prints one
JSON line a cell, with the number of runs, so that every figure can be given its error.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from promote_simulation import Cell, errors_fail, errors_pass, live, pairs, ratio_stops

SEED = 20261121


def say(cell: str, runs: int, began: float, **found: float) -> None:
    """One line."""
    told = {k: round(v, 4) for k, v in found.items()}
    print(
        json.dumps({"cell": cell, "runs": runs, **told, "seconds": round(time.perf_counter() - began, 1)}), flush=True
    )


def equal_arms(runs: int) -> None:
    """False decisions on either side (each level 0.05) with looks at every 100 units."""
    cells = [Cell((s,), (b,), 20_000) for s in (0.5, 0.25, 0.05) for b in (0.1, 0.01, 0.001)]
    cells += [Cell((0.05, 0.25, 0.5), (0.10, 0.13, 0.16), 7_000), Cell((0.05, 0.25, 0.5), (0.10, 0.11, 0.12), 7_000)]
    for cell in cells:
        began, random = time.perf_counter(), np.random.default_rng(SEED)
        found = [live(cell, random) for _ in range(runs)]
        say(f"equal arms, shares {cell.shares}, base {cell.bases}", runs, began,
            false_pass=np.mean([p for p, _, _ in found]), false_fail=np.mean([f for _, f, _ in found]))  # fmt: skip


def power(runs: int) -> None:
    """+1 pp at 10 %, 50/50: decided by the fixed-horizon sample of 32,184 units, and by twice that."""
    began, random, horizon = time.perf_counter(), np.random.default_rng(SEED), 32_184
    first = [live(Cell((0.5,), (0.1,), 2 * horizon, gain=0.01, every=500), random)[2] for _ in range(runs)]
    say("power, +1 pp at 10 %, 50/50", runs, began, by_horizon=np.mean([f <= horizon for f in first]),
        by_twice=np.mean([f <= 2 * horizon for f in first]), median_units=float(np.median(first)))  # fmt: skip


def shadows(runs: int) -> None:
    """Pairs exactly at a margin of 1 pp, and equal pairs."""
    for discordance in (0.011, 0.02, 0.06, 0.15):
        for gain in (-0.01, 0.0):
            began, random = time.perf_counter(), np.random.default_rng(SEED)
            odds = [(discordance + gain) / 2, (discordance - gain) / 2, 1 - discordance]
            found = [
                pairs(random.choice([1.0, -1.0, 0.0], 20_000, p=odds), scale=1.0, margin=0.01, alpha=0.05, least=40,
                      every=100)
                for _ in range(runs)
            ]  # fmt: skip
            say(f"pairs, discordance {discordance}, gain {gain}, margin 0.01, 20,000 units", runs, began,
                passed=np.mean([p for p, _ in found]), failed=np.mean([f for _, f in found]))  # fmt: skip


def errors(runs: int) -> None:
    """Equal errors called worse, a breakage found, an excess at the margin called within it."""
    for share in (0.5, 0.25, 0.05):
        for rate, worse, units in ((0.01, 0.0, 10_000), (0.01, 0.09, 2_000)):
            began, random = time.perf_counter(), np.random.default_rng(SEED)
            found = np.mean([errors_fail(share, rate, worse, units, 0.0125, random) for _ in range(runs)])
            say(
                f"errors, share {share}, {rate} against {rate + worse}, {units} units", runs, began, failed=float(found)
            )
    for excess in (0.01, 0.0):
        began, random = time.perf_counter(), np.random.default_rng(SEED)
        found = np.mean([errors_pass(excess, 0.01, 5_000, 0.01, 0.05, 50, random) for _ in range(runs)])
        say(f"errors in shadow, excess {excess}, margin 0.01, 5,000 units", runs, began, passed=float(found))


def split(runs: int) -> None:
    """False stops of a sound split, and a leak of two points."""
    for share, true in ((0.5, 0.5), (0.05, 0.05), (0.5, 0.48)):
        began, random = time.perf_counter(), np.random.default_rng(SEED)
        found = np.mean([ratio_stops(share, true, 20_000, random) for _ in range(runs)])
        say(f"sample ratio, share {share}, true {true}, 20,000 units", runs, began, stopped=float(found))


def main() -> None:
    """Run all cells."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=400)
    runs = parser.parse_args().runs
    for part in (equal_arms, shadows, errors, split, power):
        part(runs)


if __name__ == "__main__":
    main()
