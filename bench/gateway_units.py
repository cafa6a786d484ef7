"""A million units through 5 → 25 → 50 → 100 % with a second challenger: who moves, and whether shares are kept.

    python bench/gateway_units.py [--units 1000000] [--asked 20000]

The arm of a unit is computed as Envoy does; a sample is asked of a real Envoy at each step and must agree.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections import Counter
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from deploy_gateway import Gateway
from deploy_site import running_site
from envoy_hash import arms_of

from legion_ci.gateway.routes import WHOLE, Routes, promote, set_share

STEPS = (("a", 500), ("b", 500), ("a", 2500), ("b", 1000), ("a", 5000), ("a", 9000))


def moved(before: dict[str, str], after: dict[str, str], arm: str, grew: bool) -> tuple[int, int]:
    """Units that changed their arm, and those of them that the law forbids: not between champion and ``arm``."""
    changes = [(b, after[u]) for u, b in before.items() if b != after[u]]
    allowed = ("champion", arm) if grew else (arm, "champion")
    return len(changes), sum(c != allowed for c in changes)


def worst_sigma(arms: dict[str, str], routes: Routes) -> float:
    """The largest distance of an arm's count from its share, in standard deviations."""
    counts, n = Counter(arms.values()), len(arms)
    shares = {s.deployment: routes.share(s.deployment) for s in routes.segments}
    return max(abs(counts[d] - n * p) / math.sqrt(n * p * (1 - p)) for d, p in shares.items() if 0 < p < 1)


def main() -> None:
    """Print a line a step; the exit code is 1 when a law is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--asked", type=int, default=20_000)
    asked = parser.parse_args()
    units, broken = [f"user-{n}" for n in range(asked.units)], 0
    with running_site(Path(tempfile.mkdtemp())) as site:
        gateway = Gateway(site)
        gateway.start(["champion", "a", "b"])
        now = gateway.change(lambda r: msgspec.structs.replace(promote(r, "champion"), experiment="bench-1"))
        before = arms_of(now, units)
        for arm, width in STEPS:
            grew = width > now.width(arm)
            now = gateway.change(lambda r, arm=arm, width=width: set_share(r, arm, width))
            after = arms_of(now, units)
            count, wrong = moved(before, after, arm, grew)
            sigma = worst_sigma(after, now)
            sample = units[:: max(1, len(units) // max(1, asked.asked // len(STEPS)))]
            differ = sum(got != after[u] for u, got in gateway.arms(sample).items())
            print(f"{arm} to {100 * width / WHOLE:g} %: {count} of {len(units)} moved, {wrong} against the law; "
                  f"shares within {sigma:.1f} sigma; {differ} of {len(sample)} asked of Envoy differ", flush=True)  # fmt: skip
            broken += wrong + differ + (sigma > 4)
            before = after
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
