"""How often a duel decides what: seeded simulations of its rule, single-look and growing, beside "+10 % on the last build".

    python bench/perf_duel.py [--runs 20000]

A run's latency is exp(common noise of the pair + own noise + drift); noise in SD of the logarithm.
"""

from __future__ import annotations

import argparse

import numpy as np

from legion_ci.perf.duel.statistics import estimate, judge, levels, looks
from legion_ci.results import Outcome

COMMON, OWN, MARGIN, ALPHA = 0.05, 0.02, 0.02, 0.05


def verdicts(rng, slowdown, pairs, most, *, metrics=1, drift=0.0, all_alike=True):
    """One duel: at every look all metrics are judged, as the product does."""
    schedule = looks(pairs, most)
    first = np.arange(schedule[-1]) % 2 == 0
    order = np.where(first, 1.0, -1.0)
    y = np.log1p(slowdown) + rng.normal(0, OWN * np.sqrt(2), (metrics, schedule[-1])) - np.log1p(drift) * order
    if not all_alike:  # only the first metric is slower
        y[1:] -= np.log1p(slowdown)
    for n, alpha in zip(schedule, levels(len(schedule), ALPHA), strict=True):
        said = [judge(estimate(row[:n], first[:n]), MARGIN, alpha, metrics) for row in y]
        if Outcome.FAIL in said:
            return Outcome.FAIL
        if set(said) == {Outcome.PASS}:
            return Outcome.PASS
    return Outcome.INCONCLUSIVE


def row(name, runs, **how):
    """Percentages of FAIL, PASS and INCONCLUSIVE."""
    rng = np.random.default_rng(20261121)
    said = [verdicts(rng, **how) for _ in range(runs)]
    parts = "  ".join(f"{o.value} {100 * said.count(o) / runs:5.1f} %" for o in (Outcome.FAIL, Outcome.PASS))
    print(f"{name:58} {parts}")


def last_build(runs):
    """The rule that the duel replaces: one run of today against one of the last build, slower by over 10 %: alarm."""
    rng = np.random.default_rng(20261121)
    noise = rng.normal(0, np.hypot(COMMON, OWN) * np.sqrt(2), runs)
    for name, slowdown in (("equal", 0.0), ("5 % slower", 0.05)):
        print(
            f"{'+10 % on the last build, ' + name:58} FAIL {100 * np.mean(np.log1p(slowdown) + noise > np.log(1.1)):5.1f} %"
        )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20_000)
    runs = parser.parse_args().runs
    row("10 pairs, 5 % slower", runs, slowdown=0.05, pairs=10, most=10)
    row("10 pairs, slower by exactly the margin", runs, slowdown=MARGIN, pairs=10, most=10)
    row("10 pairs, equal", runs, slowdown=0.0, pairs=10, most=10)
    row("20 pairs, equal", runs, slowdown=0.0, pairs=20, most=20)
    row("14 pairs, three metrics, one 5 % slower", runs, slowdown=0.05, pairs=14, most=14, metrics=3, all_alike=False)
    row("14 pairs, three metrics, all slower by the margin", runs, slowdown=MARGIN, pairs=14, most=14, metrics=3)
    row("10 to 40 pairs, 5 % slower", runs, slowdown=0.05, pairs=10, most=40)
    row("10 to 40 pairs, slower by exactly the margin", runs, slowdown=MARGIN, pairs=10, most=40)
    row("10 to 40 pairs, equal", runs, slowdown=0.0, pairs=10, most=40)
    row("6 to 96 pairs, slower by exactly the margin", runs, slowdown=MARGIN, pairs=6, most=96)
    row("10 pairs, drift of 20 % a run, 5 % slower", runs, slowdown=0.05, pairs=10, most=10, drift=0.2)
    row("10 pairs, drift of 20 % a run, exactly the margin", runs, slowdown=MARGIN, pairs=10, most=10, drift=0.2)
    row("10 pairs, drift of 20 % a run, equal", runs, slowdown=0.0, pairs=10, most=10, drift=0.2)
    last_build(runs)


if __name__ == "__main__":
    main()
