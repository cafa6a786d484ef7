"""The gate's figures: errors and power of its methods, by enumeration or seeded simulation, one JSON line a cell.

``python bench/quality_simulation.py [--runs 4000] [--holm-runs 20000] [--only tango,delong,bootstrap,cluster,slices,prevalence]``
Each cell has its limit and whether it was kept: a simulated one is *missed* only when its lower 99 % bound is beyond it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from quality_trinomial import probability

from legion_ci.quality.catalogue import METRICS
from legion_ci.quality.estimates import Resampling, estimate
from legion_ci.quality.sample import Sample
from legion_ci.quality.selftest import planting
from legion_ci.quality.selftest.worlds import World
from legion_ci.quality.statistics import cluster, delong, tango
from legion_ci.quality.statistics.estimate import z
from legion_ci.quality.statistics.holm import adjusted
from legion_ci.quality.statistics.proportion import Share

SEED, ALPHA, MARGIN = 20261121, 0.05, 0.01
Line = dict[str, object]


def told(cell: str, hits: int, runs: int, *, at_most: float | None = None, at_least: float | None = None) -> Line:
    """A simulated share with its exact 99 % bounds."""
    low, high = Share(hits, runs).interval(0.01)
    kept = (at_most is None or low <= at_most) and (at_least is None or high >= at_least)
    return {
        "cell": cell,
        "value": hits / runs,
        "bounds": [low, high],
        "runs": runs,
        "limit": at_least if at_most is None else at_most,
        "kept": kept,
    }


def exact(cell: str, value: float, *, at_most: float = 1.0, at_least: float = 0.0) -> Line:
    """An enumerated probability."""
    kept = at_least <= value <= at_most
    return {
        "cell": cell,
        "value": value,
        "runs": "enumerated",
        "limit": at_most if at_most < 1 else at_least,
        "kept": kept,
    }


def tango_cells(_: argparse.Namespace) -> Iterator[Line]:
    """PASS at exactly −margin, and the power at 2,000 rows and 6 % discordance."""
    for n in (500, 2_000, 10_000):
        for discordance in (0.01, 0.02, 0.06, 0.15):
            gain, loss = (discordance - MARGIN) / 2, (discordance + MARGIN) / 2
            chance = probability(n, gain, loss, lambda b, c, n=n: tango.score(b, c, n, -MARGIN) > z(ALPHA))
            yield exact(f"tango n={n} discordance={discordance:g} at -margin", chance, at_most=0.055)
    for effect, verdict, least in ((0.0, "PASS", 0.55), (0.01, "PASS", 0.95), (-0.03, "FAIL", 0.95)):
        sign = 1 if verdict == "PASS" else -1
        chance = probability(2_000, (0.06 + effect) / 2, (0.06 - effect) / 2,
                             lambda b, c, s=sign: s * tango.score(b, c, 2_000, -MARGIN) > z(ALPHA))  # fmt: skip
        yield exact(f"tango n=2000 discordance=0.06 effect={effect:+g} {verdict}", chance, at_least=least)


def delong_cells(asked: argparse.Namespace) -> Iterator[Line]:
    """PASS of a candidate whose area is exactly the margin smaller; binormal scores of two correlations."""
    shift = {a: np.sqrt(2) * stats.norm.ppf(a) for a in (0.90, 0.90 - MARGIN)}
    for positives, n in ((50, 500), (100, 500), (250, 500), (200, 2_000)):
        for r in (0.9, 0.98):
            rng, hits, truth = np.random.default_rng((SEED, positives, n)), 0, np.arange(n) < positives
            for _ in range(asked.runs):
                common, noise = rng.normal(size=n), rng.normal(size=(2, n))
                old, new = (np.sqrt(r) * common + np.sqrt(1 - r) * e for e in noise)
                found = delong.paired(truth, new + truth * shift[0.90 - MARGIN], old + truth * shift[0.90])
                hits += found.interval(ALPHA)[0] > -MARGIN
            yield told(f"delong rarer={positives} n={n} r={r:g} at -margin", hits, asked.runs, at_most=0.07)


def bootstrap_cells(asked: argparse.Namespace) -> Iterator[Line]:
    """PASS at exactly −margin in worlds made of two models' answers, whose planted loss is exact."""
    for rare, most in ((100, 0.08), (200, 0.08), (500, 0.065)):
        for name in ("f1", "precision", "brier", "log_loss"):
            metric, rng = METRICS[name], np.random.default_rng((SEED, rare))
            world = World.of(metric, _two_models(name, 40 * rare, rng), rng)
            share, n = planting.share_for_loss(metric, world.sample, world.worse, 0.02), 10 * rare
            runs, hits = min(asked.runs, asked.bootstrap_runs), 0
            for i in range(runs):
                drawn = world.draw(np.random.default_rng((SEED, rare, i)), share or 0.0).take(np.arange(n))
                replicates = 10_000 if metric.family == "cells" else 999
                hits += estimate(metric, drawn, Resampling(replicates, (i,))).interval(ALPHA)[0] > -0.02
            yield told(f"bootstrap {name} rarer~{rare} at -margin", hits, runs, at_most=most)


def _two_models(name: str, n: int, rng: np.random.Generator) -> Sample:
    truth = (rng.random(n) < 0.1).astype(np.int64)
    base = rng.normal(size=n) + 2.0 * truth - 1.8
    ps = [1 / (1 + np.exp(-1.5 * (base + 0.3 * rng.normal(size=n)))) for _ in range(2)]
    if METRICS[name].form == "label":
        return Sample(truth, *[(p > 0.5).astype(np.int64) for p in ps], 2, 1)
    return Sample(truth, *[np.stack([1 - p, p], axis=1) for p in ps], 2, 1)


def cluster_cells(asked: argparse.Namespace) -> Iterator[Line]:
    """2,000 rows in clusters that share their draw (ICC 0.05): PASS at exactly −margin, 6 % discordance."""
    for groups in (50, 100, 200):
        rng, hits, size = np.random.default_rng((SEED, groups)), 0, 2_000 // groups
        codes, outcomes = np.repeat(np.arange(groups), size), np.array([1.0, -1.0, 0.0])
        odds = [(0.06 - MARGIN) / 2, (0.06 + MARGIN) / 2, 0.94]
        for _ in range(asked.runs):
            rows = rng.choice(outcomes, (groups, size), p=odds)
            shared = rng.choice(outcomes, (groups, 1), p=odds)
            own = np.where(rng.random((groups, size)) < np.sqrt(0.05), shared, rows).ravel()
            hits += cluster.robust(own.mean(), own - own.mean(), codes, 1.0).interval(ALPHA)[0] > -MARGIN
        yield told(f"clusters {groups}x{size} ICC 0.05 at -margin", hits, asked.runs, at_most=0.065)


def slice_cells(asked: argparse.Namespace) -> Iterator[Line]:
    """200 slices: any alarm where nothing was lost; the one that lost 5 points among them."""
    for discordance in (0.06, 0.10):
        rng = np.random.default_rng((SEED, 200))
        hits = sum(min(_slice_ps(rng, 2_000, discordance)) <= ALPHA for _ in range(asked.holm_runs))
        yield told(
            f"200 slices of 2000 rows, discordance {discordance:g}, any alarm", hits, asked.holm_runs, at_most=0.055
        )
        hits = sum(_slice_ps(rng, 2_000, discordance, lost=0.05)[0] <= ALPHA for _ in range(asked.runs))
        yield told(f"one of 200 slices lost 0.05, discordance {discordance:g}, found", hits, asked.runs, at_least=0.9)


def _slice_ps(rng: np.random.Generator, n: int, discordance: float, lost: float = 0.0) -> list[float]:
    odds = np.tile([discordance / 2, discordance / 2, 1 - discordance], (200, 1))
    odds[0] = [(discordance - lost) / 2, (discordance + lost) / 2, 1 - discordance]
    counts = rng.multinomial(n, odds)
    return adjusted(stats.binom.sf(counts[:, 1] - 1, counts[:, 0] + counts[:, 1], 0.5))


def prevalence_cells(asked: argparse.Namespace) -> Iterator[Line]:
    """1 % positives, a champion with recall 0.8, a candidate that never says positive: recall beside accuracy."""
    for n in (2_000, 10_000):
        rng, hits = np.random.default_rng((SEED, n)), 0
        for _ in range(asked.runs):
            positives = rng.binomial(n, 0.01)
            found = rng.binomial(positives, 0.8)
            false = rng.binomial(n - positives, 0.001)
            accurate = tango.interval(false, found, n, ALPHA)[0] > -MARGIN
            enough = positives >= 50 and tango.interval(0, found, positives, ALPHA)[0] > -0.05
            hits += accurate and enough
        yield told(
            f"never positive at 1 % prevalence, n={n}, passes accuracy and recall", hits, asked.runs, at_most=0.0
        )


CELLS: dict[str, Callable[[argparse.Namespace], Iterator[Line]]] = {
    "tango": tango_cells, "delong": delong_cells, "bootstrap": bootstrap_cells, "cluster": cluster_cells,
    "slices": slice_cells, "prevalence": prevalence_cells,
}  # fmt: skip


def main() -> int:
    """0 when every cell was kept, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4_000)
    parser.add_argument("--bootstrap-runs", type=int, default=1_000)
    parser.add_argument("--holm-runs", type=int, default=20_000)
    parser.add_argument("--only", default=",".join(CELLS))
    asked, missed = parser.parse_args(), 0
    for name in asked.only.split(","):
        begun = time.perf_counter()
        for line in CELLS[name](asked):
            missed += not line["kept"]
            print(json.dumps(line | {"seconds": round(time.perf_counter() - begun, 1)}), flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
