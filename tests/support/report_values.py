"""Plausible results of each stage for the report's tests, with parts to change; all fixed, none random."""

from __future__ import annotations

import math
from typing import Any

from msgspec.structs import replace

from legion_ci.results import (
    Artefact,
    BudgetResult,
    CheckResult,
    Claim,
    DeployResult,
    LoadPoint,
    ModelRef,
    Outcome,
    PackageResult,
    PerfResult,
    PromoteResult,
    Provenance,
    QualityResult,
    TestCase,
    TrainResult,
)

RUN = "20261121T052747Z-88c1"
NASTY = "<script>alert(\"x\")</script>' onload='x' & ünï\u202ecode 飛行機 \x00\x1b[31m | `a` ](javascript:x)"


def digest(seed: str) -> str:
    """64 hexadecimal digits."""
    from hashlib import sha256

    return sha256(seed.encode()).hexdigest()


def model(version: str, name: str = "flight-delay") -> ModelRef:
    """A trained model."""
    made = digest(f"{name}{version}")
    uri = f"file:///srv/legion/{name}/store/artefacts/{made[:32]}/artifacts/legion"
    return ModelRef(
        name=name,
        version=version,
        artefact=Artefact(uri=uri, digest=made, host="agent-7", size_bytes=344_210),
        run_id=made[:32],
    )


def train(name: str = "flight-delay", **changes: Any) -> TrainResult:
    """The challenger, trained on January to May."""
    origin = Provenance(
        commit="3f1c9a27d0b84be0a1c55e0f7d2b94c1f0a6e812", build="https://jenkins.example/job/flight-delay/42/",
        data={"train": digest("train")}, code=digest("code"), settings=digest("settings"),
    )  # fmt: skip
    told = TrainResult(
        summary=f"{name} 2 trained on 131,432 rows", model=model("2", name), tracking_uri="https://user:hunter2@mlflow.example",
        experiment=name, metrics={"roc_auc_train": 0.7312, "fit_seconds": 8.41}, parameters={"max_iter": "200", "learning_rate": "0.1"},
        provenance=origin, n_rows=131_432, lock_digest=digest("lock"),
    )  # fmt: skip
    return replace(told, **changes)


CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")
_ROWS = (1437, 2757, 60, 4622, 4136, 4456, 55, 252, 30, 2178, 2, 4975, 1736, 480, 1028, 49)


def checks() -> tuple[CheckResult, ...]:
    """The example's checks: a bound, a comparison, an alarm on 16 carriers and three airports."""
    whole = (
        CheckResult(
            name="roc_auc ≥ 0.62", outcome=Outcome.PASS, role="require", metric="roc_auc", candidate=0.71284, effect=0.71284,
            lower=0.70731, upper=0.71829, bound=0.62, alpha=0.05, p_value=2.4e-105, n=27_075, n_rare=8_340, n_needed=312,
            method="DeLong, logit", message="the interval 0.7073 … 0.7183 lies beyond 0.62", where="legion.yaml:9:7",
        ),
        CheckResult(
            name="brier versus champion, margin 0.005", outcome=Outcome.PASS, role="require", metric="brier", versus="champion",
            candidate=0.18112, champion=0.18427, effect=0.00315, lower=0.00241, upper=0.00389, bound=-0.005, margin=0.005, alpha=0.05,
            p_value=3.1e-60, n=27_075, n_rare=8_340, n_needed=1_930, method="paired t", where="legion.yaml:10:7",
            message="the interval +0.0024 … +0.0039 lies beyond −0.005",
        ),
    )  # fmt: skip
    return (*whole, *slices())


def slices() -> tuple[CheckResult, ...]:
    """Recall by carrier and origin."""
    named = [*(f"carrier={c}" for c in CARRIERS), "origin=EWR", "origin=JFK", "origin=LGA"]
    return tuple(
        a_slice(name, n, i) for i, (name, n) in enumerate(zip(named, (*_ROWS, 9_931, 9_472, 8_596), strict=False))
    )


def a_slice(name: str, n: int, i: int, **changes: Any) -> CheckResult:
    """One alarm; small slices are not assessed. i gives it figures of its own."""
    few = n < 200
    se = 0.9 / math.sqrt(n)
    effect = round(0.012 + 0.02 * math.sin(i * 1.7), 5)
    told = CheckResult(
        name="recall versus champion", outcome=Outcome.NO_ALARM, role="alarm", metric="recall", versus="champion", slice=name,
        candidate=round(0.42 + effect, 5), champion=0.42, effect=effect, lower=round(effect - 1.64 * se, 5), upper=round(effect + 1.64 * se, 5),
        bound=0.0, margin=0.0, alpha=0.05, p_value=0.61, n=n, n_rare=n // 3, smallest_visible_loss=round(2.5 * se, 4),
        method="bootstrap-t, Romano–Wolf", message="no loss shown", where="legion.yaml:11:7",
    )  # fmt: skip
    if few:
        told = replace(
            told, outcome=Outcome.NOT_ASSESSED, candidate=None, champion=None, effect=None, lower=None, upper=None, p_value=None,
            smallest_visible_loss=None, method="", message=f"{n // 3} rows of the rarer class, at least 50 are needed",
        )  # fmt: skip
    return replace(told, **changes)


def quality(**changes: Any) -> QualityResult:
    """A gate that passed."""
    told = QualityResult(
        summary="PASS: 2 of 2 required checks, 14 slices without alarm, 5 slices not assessed, 27,075 rows", candidate=model("2"),
        champion=model("1"), checks=checks(), n_rows=27_075, data_digest=digest("eval"),
    )  # fmt: skip
    return replace(told, **changes)


def package() -> PackageResult:
    """A bundle."""
    made = Artefact(
        uri="file:///srv/legion/flight-delay/packages/bundle",
        digest=digest("bundle"),
        host="agent-7",
        size_bytes=912_004,
    )
    return PackageResult(summary=f"bundle {made.digest[:12]}, 0.9 MB", kind="bundle", package=made, model=model("2"))


def deploy(**changes: Any) -> DeployResult:
    """Two deployments side by side, tests passed."""
    tests = tuple(
        TestCase(name=f"tests/test_model.py::{n}", outcome=o, seconds=s, message=m)
        for n, o, s, m in (
            ("test_a_flight_gets_a_probability_between_nought_and_one", "passed", 0.021, ""),
            ("test_the_order_of_the_columns_does_not_matter", "passed", 0.034, ""),
            ("test_an_unknown_carrier_is_no_error", "passed", 0.018, ""),
            ("test_a_day_of_flights_is_answered_in_one_request", "skipped", 0.0, "needs LEGION_LONG"),
        )
    )
    told = DeployResult(
        summary="flight-delay-a9c2f0d1 runs at 0 %; 3 acceptance tests passed", deployment="flight-delay-a9c2f0d1", model=model("2"),
        url="http://127.0.0.1:26184", direct_url="http://127.0.0.1:26184/model/flight-delay-a9c2f0d1", share=0.0,
        champion="flight-delay-50c34572", site="/srv/legion/flight-delay", host="agent-7", tests=tests,
    )  # fmt: skip
    return replace(told, **changes)


def series(seconds: int, errors_at: int = -1) -> tuple[LoadPoint, ...]:
    """A load of about 200/s that warms up."""
    return tuple(
        LoadPoint(
            second=s, requests=round(200 + 14 * math.sin(s * 2.1) + 6 * math.cos(s * 0.7)), errors=3 if s == errors_at else 0,
            p50_ms=round(3.1 + 0.3 * math.sin(s) + 9 * math.exp(-s), 3), p99_ms=round(11 + 3 * math.sin(s * 1.3) + 60 * math.exp(-s), 3),
        )
        for s in range(seconds)
    )  # fmt: skip


def perf(**changes: Any) -> PerfResult:
    """A load test within its budgets."""
    budgets = (
        BudgetResult(name="p99 < 50ms", outcome=Outcome.PASS, metric="p99", value=13.4, lower=12.1, upper=15.2, bound=50.0, unit="ms",
                     message="0.019% of 5418 requests took 50 ms or longer, or failed (allowed 1.00%)", where="legion.yaml:14:46"),
        BudgetResult(name="errors < 0.2%", outcome=Outcome.PASS, metric="errors", value=0.0, lower=0.0, upper=0.00055, bound=0.002,
                     unit="ratio", message="0 of 5418 requests failed", where="perf.budgets[1]"),
    )  # fmt: skip
    told = PerfResult(
        summary="5,418 requests, 0 errors, p99 13.4 ms", deployment="flight-delay-a9c2f0d1", budgets=budgets, requests=5_418, errors=0,
        percentiles_ms={"p50": 3.18, "p90": 6.02, "p95": 8.11, "p99": 13.4, "p99.9": 31.7, "max": 61.2}, planned_rate=200.0,
        achieved_rate=200.667, duration_s=30.0, warmup_s=3.0, series=series(30), artefact_digest=digest("flight-delay2"),
        environment={"cpu": "AMD EPYC", "cores": "2", "system": "Linux 6.1 x86_64", "python": "3.11.7", "locust": "2.47.0", "host": "agent-7"},
        tool="Locust 2.47.0, arrivals as planned, latency from the intended start (Replay)",
    )  # fmt: skip
    return replace(told, **changes)


def look(i: int, step: str, share: float, action: str, n: int) -> dict[str, Any]:
    """One look, its bounds narrowing with the units seen."""
    half = 2.2 / math.sqrt(max(n, 1))
    effect = 0.0062 + 0.02 * math.sin(i) / math.sqrt(i + 1)
    few = n < 150
    metric = {
        "outcome": "PASS" if effect - half > -0.01 else "INCONCLUSIVE", "effect": None if few else effect, "lower": None if few else effect - half,
        "upper": None if few else effect + half, "bound": -0.01,
    }  # fmt: skip
    errors = {
        "outcome": "PASS" if n > 600 else "INCONCLUSIVE",
        "effect": 0.0,
        "lower": -0.6 * half,
        "upper": 0.6 * half,
        "bound": -0.01,
    }
    return {
        "time": f"2026-11-21T{6 + i // 60:02d}:{i % 60:02d}:12.000Z", "step": step, "share": share, "action": action,
        "reason": "hold.undecided" if action == "hold" else "", "why": f"brier {effect:+.4f} ± {half:.4f} after {n} units",
        "units": {"champion": 3 * n, "challenger": n}, "coverage": {"champion": 0.982, "challenger": 0.979}, "sample_ratio_p": 0.44,
        "evidence_digest": digest(str(i)), "claims": {"brier": metric, "errors not worse by 1%": errors},
    }  # fmt: skip


def looks() -> tuple[dict[str, Any], ...]:
    """Fourteen looks from shadow to everybody."""
    path = [("shadow", 0.0)] * 4 + [("5", 0.05)] * 4 + [("25", 0.25)] * 3 + [("50", 0.5)] * 3
    last = {3: "advance", 7: "advance", 10: "advance", 13: "promoted"}
    return tuple(
        look(i, step, share, last.get(i, "hold"), 60 + 420 * i * (i + 3)) for i, (step, share) in enumerate(path)
    )


def promote(**changes: Any) -> PromoteResult:
    """A promotion by evidence."""
    claims = (
        Claim(name="brier", outcome=Outcome.PASS, role="metric", effect=0.00681, lower=-0.00102, upper=0.01464, bound=-0.01,
              n_champion=262_260, n_challenger=87_420, method="asymptotic confidence sequence (Waudby-Smith et al. 2024)",
              message="the gain is above −0.01 at every look"),
        Claim(name="errors not worse by 1%", outcome=Outcome.PASS, role="guardrail", effect=0.0, lower=-0.0031, upper=0.0031, bound=-0.01,
              n_champion=262_260, n_challenger=87_420, method="betting bounds (Waudby-Smith & Ramdas 2024)"),
    )  # fmt: skip
    told = PromoteResult(
        summary="flight-delay-a9c2f0d1 is the champion: every claim holds", action="promoted", deployment="flight-delay-a9c2f0d1",
        champion="flight-delay-50c34572", step="50", share_before=0.5, share_after=1.0, claims=claims,
        units={"champion": 262_260, "challenger": 87_420, "champion_mature": 261_004, "challenger_mature": 87_001},
        coverage={"champion": 0.982, "challenger": 0.979}, sample_ratio_p=0.44, evidence_digest=digest("evidence"), looks=looks(),
    )  # fmt: skip
    return replace(told, **changes)
