"""Runs for the report's tests: plausible ones, and ones that nobody would wish for."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec.structs import replace
from report_values import (
    NASTY,
    RUN,
    a_slice,
    checks,
    deploy,
    digest,
    look,
    looks,
    model,
    package,
    perf,
    promote,
    quality,
    series,
    slices,
    train,
)

from legion_ci.report import changes
from legion_ci.report.promoted import remember
from legion_ci.report.records import read
from legion_ci.results import (
    DeployResult,
    Outcome,
    PackageResult,
    PerfResult,
    PromoteResult,
    QualityResult,
    Record,
    StageResult,
    TestCase,
    TrainResult,
    Verdict,
    encode,
)

__all__ = [
    "NASTY",
    "RUN",
    "a_slice",
    "checks",
    "deploy",
    "look",
    "looks",
    "package",
    "perf",
    "promote",
    "quality",
    "slices",
    "train",
]


def record(stage: str, result: StageResult, index: int, seconds: float = 12.345, skipped: bool = False) -> Record:
    """A stage's record; stages follow each other by a minute."""
    return Record(
        schema_version=1, stage=stage, run=RUN, started_at=f"2026-11-21T05:{27 + index:02d}:47.428Z", ended_at=f"2026-11-21T05:{28 + index:02d}:11.775Z",
        seconds=seconds, host="agent-7", inputs={"legion-ci": "0.1.0"}, input_digest=digest(stage),
        tools={"legion-ci": "0.1.0", "python": "3.11.7"}, result=msgspec.Raw(msgspec.json.encode(result)), skipped=skipped,
    )  # fmt: skip


def write(folder: Path, *results: StageResult, skipped: str = "") -> Path:
    """Write the results as records into a run's folder and return it."""
    kinds = {
        TrainResult: "train", QualityResult: "quality", PackageResult: "package", DeployResult: "deploy", PerfResult: "perf", PromoteResult: "promote",
    }  # fmt: skip
    run = folder / RUN
    run.mkdir(parents=True, exist_ok=True)
    (run / "run.json").write_text('{"created": 1795238867.4, "schema_version": 1}')
    for result in results:
        stage = kinds[type(result)]
        index = list(kinds.values()).index(stage)
        (run / f"{stage}.json").write_bytes(encode(record(stage, result, index, 12.345 + 7 * index, stage == skipped)))
    return run


def promoted(folder: Path) -> Path:
    """A whole run that ends with a promotion; its package was made before."""
    return write(folder, train(), quality(), package(), deploy(), perf(), promote(), skipped="package")


def first(folder: Path) -> Path:
    """The first model: nothing to compare with."""
    none = tuple(
        replace(c, outcome=Outcome.NOT_ASSESSED, effect=None, lower=None, upper=None, candidate=None, champion=None, slice="", n=0,
                message="first model, no champion", smallest_visible_loss=None)
        for c in checks()[1:3]
    )  # fmt: skip
    judged = quality(
        champion=None,
        checks=(checks()[0], *none),
        summary="PASS: 1 of 1 required check, 2 checks not assessed (first model, no champion), 27,075 rows",
    )
    taken = PromoteResult(
        summary="flight-delay-a9c2f0d1 is the first champion",
        action="promoted",
        deployment="flight-delay-a9c2f0d1",
        step="100",
        share_after=1.0,
    )
    return write(folder, train(), judged, package(), deploy(champion=None), perf(), taken)


def compared(folder: Path) -> Path:
    """A run after a promoted build that is remembered in ``promoted.json``: findings new, outstanding and fixed."""
    run = refused(folder)
    write(
        folder,
        package(),
        deploy(),
        perf(budgets=(perf().budgets[0],)),
        promote(verdict=Verdict.INCONCLUSIVE, reason="hold.undecided"),
    )
    then = changes.of(read(promoted(folder / "then")))
    assert then is not None
    failing = "quality/recall/recall versus champion [carrier=AA]"
    assert failing in then.cases
    slow = next(k for k in then.cases if k.startswith("perf/budgets/"))
    older = replace(
        then, run="20261114T050000Z-0a1b", model="flight-delay 1", at="2026-11-14T05:33:11.000Z",
        cases={**then.cases, failing: "FAIL", slow: "FAIL"},
        facts={**then.facts, "model": "flight-delay 1", "commit": "0" * 40, "parameter max_iter": "100", "parameter gone": "1"},
        figures={**then.figures, "training rows": 100_000.0},
    )  # fmt: skip
    remember(folder / "promoted.json", older)
    return run


def refused(folder: Path) -> Path:
    """A gate that failed: a loss on all rows, alarms on two carriers; nothing further ran."""
    bad = list(checks())
    bad[1] = replace(bad[1], outcome=Outcome.FAIL, effect=-0.0131, lower=-0.0149, upper=-0.0113, candidate=0.1974,
                     message="the interval −0.0149 … −0.0113 lies below −0.005")  # fmt: skip
    for i in (3, 5):
        bad[i] = replace(
            bad[i],
            outcome=Outcome.FAIL,
            effect=-0.081,
            lower=-0.112,
            upper=-0.05,
            message="a loss is shown, p 0.0004 after Holm",
        )
    judged = quality(
        verdict=Verdict.FAIL, reason="bound_missed", checks=tuple(bad), attempts=3,
        summary="FAIL: 1 of 2 required checks, 2 alarms (carrier=AA, carrier=B6), 12 slices without alarm, 5 slices not assessed, 27,075 rows, attempt 3 on these rows",
    )  # fmt: skip
    return write(folder, train(), judged)


def undecided(folder: Path) -> Path:
    """Too few rows, a generator that could not keep its plan, a promotion that waits."""
    one = replace(checks()[1], outcome=Outcome.INCONCLUSIVE, effect=-0.0021, lower=-0.0098, upper=0.0056, n=1_204, n_needed=9_400,
                  message="the interval −0.0098 … +0.0056 holds −0.005")  # fmt: skip
    judged = quality(
        verdict=Verdict.INCONCLUSIVE, reason="undecided", checks=(checks()[0], one), n_rows=1_204,
        summary="INCONCLUSIVE: 1 of 2 required checks, 1,204 rows", more_data="about 9,400 evaluation rows would decide 'brier versus champion, margin 0.005' (80 % power)",
    )  # fmt: skip
    late = replace(
        perf().budgets[0],
        outcome=Outcome.FAIL,
        value=1552.4,
        lower=958.5,
        upper=1714.2,
        message="62.356% of 5451 requests took 50 ms or longer",
    )
    saturated = perf(
        verdict=Verdict.INCONCLUSIVE, reason="invalid.generator_saturated", budgets=(late, perf().budgets[1]), series=series(30, errors_at=17),
        summary="the load generator could not keep its plan: 8.4% of the requests left more than 10 ms late although a user was free",
        more_data="lower perf.rate, or run perf on a machine with more free cores", errors=3, error_samples=("3 × HTTP 503 upstream connect error",),
        percentiles_ms={"p50": 67.9, "p90": 811.0, "p95": 1124.4, "p99": 1551.4, "p99.9": 1741.8, "max": 1794.0},
    )  # fmt: skip
    held = promote(
        verdict=Verdict.INCONCLUSIVE, reason="hold.undecided", action="hold", step="5", share_before=0.05, share_after=0.05, looks=looks()[:7],
        summary="held at 5 %: brier is not decided", more_data="about 2,100 more units an arm would decide", next_look_at="2026-11-21T06:41:12.000Z",
        claims=(replace(promote().claims[0], outcome=Outcome.INCONCLUSIVE, effect=-0.004, lower=-0.031, upper=0.023, n_champion=5_200, n_challenger=260),
                replace(promote().claims[1], outcome=Outcome.INCONCLUSIVE, effect=None, lower=None, upper=None, message="12 of 20 units with outcomes of each kind")),
    )  # fmt: skip
    return write(folder, train(), judged, package(), deploy(), saturated, held)


def extreme(folder: Path) -> Path:
    """200 slices, names that attack, huge and missing figures, an hour of load, a record of tomorrow and a broken one."""
    many = tuple(
        replace(
            a_slice(f"airport={NASTY if i % 40 == 7 else f'A{i:03d}'}", 150 + 37 * i, i),
            name="recall versus champion " + ("very long " * 20 if i % 50 == 3 else ""),
        )
        for i in range(200)
    )  # fmt: skip
    odd = (
        replace(checks()[0], name=NASTY, message=NASTY, where="/abs/ünï/legion.yaml:3", effect=1e300, lower=-1e300, upper=None),
        replace(checks()[0], name="nothing known", effect=0.0, lower=0.0, upper=0.0, bound=0.0, outcome=Outcome.INCONCLUSIVE, where=""),
        replace(checks()[0], name="log_loss ≤ 0.5", metric="log_loss", at_most=True, effect=0.61, lower=0.6, upper=0.62, bound=0.5, outcome=Outcome.FAIL),
    )  # fmt: skip
    judged = quality(
        verdict=Verdict.FAIL, reason="bound_missed", checks=(*odd, *many), summary=NASTY, candidate=model("2", "x" * 80)
    )
    tests = tuple(
        TestCase(name=f"test {NASTY}", outcome=o, seconds=1e6, message=f"{NASTY}\n" * 200)
        for o in ("failed", "error", "passed", "odd")
    )
    loaded = perf(series=series(3600, errors_at=1999), percentiles_ms={"p50": 0.0, "p99": 4e6, "max": 9e9}, error_samples=(NASTY,) * 40,
                  environment={NASTY: NASTY}, planned_rate=None)  # fmt: skip
    run = write(folder, train(), judged, deploy(tests=tests, verdict=Verdict.FAIL, reason="tests_failed"), loaded)
    (run / "package.json").write_text('{"schema_version": 1, "stage": "package"')
    tomorrow = encode(record("promote", promote(), 5)).replace(b'"schema_version": 1', b'"schema_version": 999', 1)
    (run / "promote.json").write_bytes(tomorrow)
    (run / "perf.jtl").write_text("timeStamp,elapsed,label\n1,2,<x>\n")
    return run
