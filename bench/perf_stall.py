"""A server stalled 2 s of 12 s: the p99 that ModelUser reports, the truth by arithmetic, and what stock Locust says.

Run: python bench/perf_stall.py [rate]. All is computed from the runs' own logs; nothing here is an absolute speed.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from perf_runs import perf, raw_rows
from perf_servers import serving

DURATION_S, STALL_FROM_S, STALL_S, SERVICE_S = 12.0, 5.0, 2.0, 0.002
STOCK = """
from locust import HttpUser, constant, task

class Stock(HttpUser):
    wait_time = constant(0.045)

    @task
    def predict(self):
        self.client.post("/api/model/invoke", json={"data": [[1.5, "x"]]})
"""


def truth_ms(starts_s: list[float]) -> float:
    """p99 of what each arrival had to wait: the rest of the stall when it falls into it, else the service time."""
    begun, from_s = min(starts_s), min(starts_s) + STALL_FROM_S
    waits = [max(SERVICE_S, from_s + STALL_S - t) if t >= from_s else SERVICE_S for t in starts_s if t >= begun]
    return 1000 * sorted(waits)[math.ceil(0.99 * len(waits)) - 1]


def measure(folder: Path, **settings: object) -> dict[str, object]:
    with serving(delay_s=SERVICE_S, stall_from_s=STALL_FROM_S, stall_s=STALL_S) as server:
        result = perf(
            folder, server.url, sys.stderr, duration=DURATION_S, warmup=0.0, budgets=("p99 < 50ms",), **settings
        )
    return {
        "p99_ms": result.percentiles_ms["p99"],
        "requests": result.requests,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "tool": result.tool,
    }


def main(rate: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        honest = measure(folder, rate=rate)
        truth = truth_ms([int(row["intended_us"]) / 1e6 for row in raw_rows(folder)])
        (folder / "locustfile.py").write_text(STOCK)
        stock = measure(folder, users=10)
    ratios = {"honest_to_truth": honest["p99_ms"] / truth, "stock_to_truth": stock["p99_ms"] / truth}  # type: ignore[operator]
    print(json.dumps({"truth_p99_ms": truth, "model_user": honest, "stock_locust": stock, **ratios}, indent=2))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 200.0)
