"""The gate on 1,000,000 rows and 200 slices: seconds from both models' answers to settled findings, a metric at a time.

``python bench/quality_scale.py [--rows 1000000] [--slices 200] [--only accuracy,…]``: everything that ``quality`` does after the models have answered:
slices found, every slice estimated with its interval and its exact test, Holm over all. Goals on an idle machine: metrics of counts
under 5 s, ROC AUC under 15 s. One JSON line a metric; a reference workload (a sort of as many numbers) beside them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter

import numpy as np
import pyarrow as pa

from legion_ci.quality import alarms, metric_judge
from legion_ci.quality.checks import Evidence, Rows
from legion_ci.quality.evidence import Answers, Truth
from legion_ci.quality.metric_settings import MetricSettings
from legion_ci.settings.schema import QualitySettings

GOALS_S = {"accuracy": 5.0, "recall": 5.0, "f1": 5.0, "mcc": 5.0, "roc_auc": 15.0}


def evidence(rows: int, slices: int) -> Evidence:
    """Binary rows with two models of AUC about 0.9 that mostly agree; one slice in which the candidate lost."""
    rng = np.random.default_rng(20261121)
    truth = (rng.random(rows) < 0.2).astype(np.int64)
    place = rng.integers(0, slices, rows)
    base = 1.8 * truth + rng.normal(size=rows)
    scores = [base + 0.3 * rng.normal(size=rows) for _ in range(2)]
    scores[0] = np.where(place == 7, 0.6 * scores[0] + 0.8 * rng.normal(size=rows), scores[0])
    table = pa.table({"y": truth, "place": pa.array(np.char.mod("p%03d", place))})
    answers = [_answers(f"model {i}", 1 / (1 + np.exp(1.5 - s))) for i, s in enumerate(scores)]
    gate = Rows(table, Truth(table.column("y")), QualitySettings(), target="y")
    return Evidence(gate, answers[0], answers[1])


def _answers(who: str, p: np.ndarray) -> Answers:
    return Answers(
        who, pa.table({"prediction": (p > 0.5).astype(np.int64), "probability_0": 1 - p, "probability_1": p})
    )


def main() -> int:
    """0; the limits are goals for an idle machine and only told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--slices", type=int, default=200)
    parser.add_argument("--only", default=",".join(GOALS_S))
    asked = parser.parse_args()
    seen = evidence(asked.rows, asked.slices)
    begun = time.perf_counter()
    np.sort(np.random.default_rng(1).normal(size=asked.rows))
    reference = time.perf_counter() - begun
    for name in asked.only.split(","):
        settings = MetricSettings(metric=name, versus="champion", slices={"place": ()}, role="alarm")
        begun = time.perf_counter()
        findings = alarms.settle(metric_judge.judge(settings, seen, "bench"), 0.05)
        took = time.perf_counter() - begun
        told = {"metric": name, "rows": asked.rows, "slices": len(findings), "seconds": round(took, 2), "goal_s": GOALS_S.get(name),
                "sort_s": round(reference, 2), "found": sorted(f.result.slice for f in findings if f.result.outcome == "FAIL"),
                "outcomes": Counter(str(f.result.outcome) for f in findings)}  # fmt: skip
        print(json.dumps(told), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
