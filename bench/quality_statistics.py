"""The quality gate's statistics against plain ones: the streamed bootstrap, the fast DeLong, and 200 slices at once."""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pairs
from scipy import stats

from legion_ci.quality.statistics import bootstrap, delong, mcnemar
from legion_ci.quality.statistics.smooth import MEAN

REPLICATES = 10_000


def streamed(losses: np.ndarray) -> object:
    """Our studentised bootstrap of a mean."""
    rng = np.random.default_rng(1)
    return bootstrap.of_rows(MEAN, losses[:, None], reach=1.0, replicates=REPLICATES, rng=rng).interval(0.05)


def plain(losses: np.ndarray) -> object:
    """scipy's bootstrap of the same mean (not studentised, which it does not offer), in batches of bounded memory."""
    rng = np.random.default_rng(1)
    return stats.bootstrap(
        (losses,), np.mean, n_resamples=REPLICATES, batch=64, method="basic", vectorized=True, rng=rng
    )


def by_definition(positive: np.ndarray, scores: np.ndarray) -> float:
    """DeLong's components from all pairs of a positive and a negative row."""
    x, y = scores[positive][:, None], scores[~positive][None, :]
    kernel = (x > y) + 0.5 * (x == y)
    components = kernel.mean(axis=1), kernel.mean(axis=0)
    return float(np.sqrt(sum(c.var(ddof=1) / len(c) for c in components)))


def slice_alarms(codes: np.ndarray, candidate: np.ndarray, champion: np.ndarray, slices: int) -> list[float]:
    """Exact McNemar of every slice, from right and wrong of each row."""
    gained = np.bincount(codes[candidate & ~champion], minlength=slices)
    lost = np.bincount(codes[~candidate & champion], minlength=slices)
    return [mcnemar.p_loss(int(b), int(c), len(codes)) for b, c in zip(gained, lost, strict=True)]


def main() -> int:
    """0; the limits are goals for an idle machine and only told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20, help="interleaved pairs, at least 20 (default: 20)")
    parser.add_argument(
        "--rows", type=int, default=27_000, help="of the bootstrap (default: those of a month of flights)"
    )
    told = parser.parse_args()
    count, rng = max(20, told.pairs), np.random.default_rng(0)
    losses = rng.exponential(size=told.rows) - 1
    pairs.tell(
        "quality-bootstrap", pairs.measure(lambda: streamed(losses), lambda: plain(losses), count), rows=told.rows
    )

    positive = rng.random(10_000) < 0.2
    scores = rng.normal(size=10_000) + positive
    ratio = pairs.measure(lambda: delong.single(positive, scores), lambda: by_definition(positive, scores), count)
    pairs.tell("quality-delong", ratio, rows=10_000)

    codes = rng.integers(0, 200, 1_000_000)
    right = rng.random((2, 1_000_000)) < 0.9
    took = pairs.seconds(lambda: slice_alarms(codes, right[0], right[1], 200))
    area = pairs.seconds(lambda: delong.single(right[0], rng.normal(size=1_000_000)))
    print(f"1,000,000 rows: 200 slices {took:.2f} s, one area {area:.2f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
