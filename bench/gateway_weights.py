"""How long a weight change takes to be in force with 1, 100 and 1,000 routes (deployments), by a real Envoy.

    .venv/bin/python bench/gateway_weights.py --routes 1 100 1000 --changes 20

A change is timed from the call to Envoy working by the new version of every file. One server stands behind all routes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from deploy_gateway import QUIET, Gateway
from deploy_site import model_ref, running_site

from legion_ci.gateway import apply
from legion_ci.gateway.routes import Arm, Routes, promote, set_share


def with_routes(routes: Routes, gateway: Gateway, count: int) -> Routes:
    """``count`` deployments at the same server, the champion with all traffic."""
    endpoint = gateway.arm("champion").endpoint
    names = ["champion", *(f"model-{n}" for n in range(1, max(count, 2)))]
    arms = tuple(Arm(deployment=name, model=model_ref(), endpoint=endpoint) for name in names)
    return msgspec.structs.replace(promote(msgspec.structs.replace(routes, arms=arms), "champion"), previous=None)


def change_ms(gateway: Gateway, width: int) -> float:
    """Milliseconds of one change of a challenger's share."""
    start = time.perf_counter()
    apply.change(gateway.site, lambda r: set_share(r, "model-1", width), tools=QUIET)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--routes", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--changes", type=int, default=20)
    asked = parser.parse_args()
    print(f"{'routes':>7} {'median ms':>10} {'worst ms':>9} {'failed':>7}")
    with running_site(Path(tempfile.mkdtemp())) as site:
        gateway = Gateway(site)
        gateway.start(["champion"])
        for count in asked.routes:
            gateway.change(lambda r, count=count: with_routes(r, gateway, count))
            taken, failed = [], 0
            for n in range(asked.changes):
                taken.append(change_ms(gateway, 1000 + 100 * (n % 5)))
                failed += gateway.ask(unit=f"u{n}").status != 200
            print(f"{count:>7} {statistics.median(taken):>10.0f} {max(taken):>9.0f} {failed:>7}", flush=True)


if __name__ == "__main__":
    main()
