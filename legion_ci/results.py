"""What each stage leaves behind: verdicts and results, written as ``<stage>.json`` and read by later stages.

Digests are sha256 in hexadecimal. Times are ISO 8601 in UTC. Artefacts are named by URI and digest.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

SCHEMA_VERSION = 1


class Verdict(StrEnum):
    """What a gate says."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


class Base(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """A frozen record."""


class Artefact(Base, frozen=True, kw_only=True):
    """Something a stage made, where it is and what it is. ``host`` is set when the URI is a path of one machine."""

    uri: str
    digest: str
    host: str | None = None
    size_bytes: int | None = None


class StageResult(Base, frozen=True, kw_only=True):
    """What every stage says: a verdict, a reason (``too_few_rows``, ``hold.no_outcomes``, …), a line for people."""

    verdict: Verdict = Verdict.PASS
    reason: str = ""
    summary: str = ""
    more_data: str = ""  # INCONCLUSIVE: how much more would decide


class ModelRef(Base, frozen=True, kw_only=True):
    """A trained model: registered name and version, and its artefact."""

    name: str
    version: str
    artefact: Artefact
    run_id: str = ""


class Provenance(Base, frozen=True, kw_only=True):
    """Where a model comes from."""

    commit: str = "no commit"
    dirty: bool = False
    build: str = ""  # Jenkins' build tag or URL
    data: dict[str, str] = {}  # data set -> digest
    code: str = ""  # digest of the model code
    settings: str = ""  # digest of the train section


class TrainResult(StageResult, frozen=True, kw_only=True):
    """A registered model with its artefact. documents: pages that training left in the report's folder ``training``."""

    model: ModelRef
    tracking_uri: str
    experiment: str
    metrics: dict[str, float] = {}
    parameters: dict[str, str] = {}
    tags: dict[str, str] = {}
    provenance: Provenance = Provenance()
    n_rows: int = 0
    lock_digest: str = ""
    documents: tuple[str, ...] = ()


class Outcome(StrEnum):
    """What one check says. Alarms are never printed as PASS."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NO_ALARM = "NO ALARM"
    NOT_ASSESSED = "NOT ASSESSED"


class CheckResult(Base, frozen=True, kw_only=True):
    """One check (on all rows or on one slice): the effect, the interval it was decided on, and what would decide it.

    effect: for an absolute bound the metric itself; versus champion the gain of the candidate, signed so that more is
    better. lower, upper: one-sided bounds at ``alpha`` each. PASS when lower > bound, FAIL when upper < bound.
    """

    name: str
    outcome: Outcome
    role: str  # require | alarm
    metric: str
    versus: str = ""  # "" or champion
    slice: str = ""  # "" or column=value
    candidate: float | None = None
    champion: float | None = None
    effect: float | None = None
    lower: float | None = None
    upper: float | None = None
    bound: float | None = None
    at_most: bool = False  # the bound is a maximum: PASS when upper < bound, FAIL when lower > bound
    margin: float | None = None
    alpha: float | None = None
    p_value: float | None = None
    n: int = 0
    n_rare: int | None = None  # rows of the rarer class
    n_needed: int | None = None  # for 80 % power at no true difference
    smallest_visible_loss: float | None = None
    method: str = ""
    message: str = ""
    where: str = ""  # file:line of the setting
    kind: str = "metric"  # the check's ``use``
    column: str = ""  # that it is about
    details: tuple[dict[str, Any], ...] = ()  # rows of a table: reliability bins, failing rows, shares of a column


class QualityResult(StageResult, frozen=True, kw_only=True):
    """The gate's verdict and every check behind it."""

    candidate: ModelRef
    champion: ModelRef | None = None
    checks: tuple[CheckResult, ...] = ()
    alpha: float = 0.05
    n_rows: int = 0
    attempts: int = 1  # how often these rows were asked the same question
    data_digest: str = ""


class SelfTestCheck(Base, frozen=True, kw_only=True):
    """How often one check is wrong where its claim is false, and how often it decides rightly; bounds are 99 %, exact."""

    name: str
    outcome: Outcome
    role: str  # require | alarm
    metric: str = ""
    world: str = ""  # in which the claim is false: a planted loss, exchanged models
    alpha: float | None = None
    planted: float | None = None  # the loss, in the metric's units
    runs: int = 0
    error: float | None = None
    error_lower: float | None = None
    error_upper: float | None = None
    power_world: str = ""
    power_runs: int = 0
    power: float | None = None
    power_lower: float | None = None
    power_upper: float | None = None
    message: str = ""
    where: str = ""


class SelfTestResult(StageResult, frozen=True, kw_only=True):
    """The gate judged on the user's own rows. FAIL: an error whose lower 99 % bound exceeds alpha."""

    candidate: ModelRef
    champion: ModelRef | None = None
    checks: tuple[SelfTestCheck, ...] = ()
    alpha: float = 0.05
    n_rows: int = 0
    seed: int = 0
    data_digest: str = ""


class AccelerationGain(Base, frozen=True, kw_only=True):
    """Time of the model's own call over that of the accelerated form, with its 95 % interval."""

    rows: int
    plain_us: float
    accelerated_us: float
    ratio: float
    lower: float
    upper: float
    pairs: int


class Acceleration(Base, frozen=True, kw_only=True):
    """A faster form of the model in the package. refused: why there is none, "" when there is one.

    rows: compared. largest: difference found (absolute below 1, relative above). ties: labels that rounding decides.
    """

    kind: str
    tolerance: float
    refused: str = ""
    rows: int = 0
    largest: float = 0.0
    ties: int = 0
    gains: tuple[AccelerationGain, ...] = ()


class Image(Base, frozen=True, kw_only=True):
    """A container image. Digests are ``sha256:…``.

    reference: name and tag it was given, with the registry's address when it was pushed. digest: of its manifest (of the
    index, for several platforms): what is deployed. config: of its configuration, the id that engines list. size_bytes:
    compressed, of all platforms. sbom, provenance, signature: digests of what is attached to it.
    """

    reference: str
    digest: str
    config: str
    platforms: tuple[str, ...]
    base: str = ""
    pushed: bool = False
    size_bytes: int = 0
    sbom: str = ""
    provenance: str = ""
    signature: str = ""


class PackageResult(StageResult, frozen=True, kw_only=True):
    """A package that runs the model. image: of packagers that make one."""

    kind: str
    package: Artefact
    model: ModelRef
    accelerated: Acceleration | None = None
    image: Image | None = None


class TestCase(Base, frozen=True, kw_only=True):
    """One test of the team's suite against the deployment."""

    __test__ = False

    name: str
    outcome: str  # passed | failed | skipped | error
    seconds: float = 0.0
    message: str = ""


class DeployResult(StageResult, frozen=True, kw_only=True):
    """A deployment behind the gateway. url: the traffic split; direct_url: this deployment alone (never evidence)."""

    deployment: str
    model: ModelRef
    url: str
    direct_url: str
    share: float = 0.0  # of live traffic, 0..1
    champion: str | None = None
    site: str = ""
    host: str = ""
    tests: tuple[TestCase, ...] = ()


class BudgetResult(Base, frozen=True, kw_only=True):
    """One budget: the figure, its one-sided bounds at ``alpha`` and what was asked."""

    name: str  # as written: p99 < 50ms
    outcome: Outcome
    metric: str  # p99 | errors | throughput
    value: float | None = None  # in unit
    lower: float | None = None
    upper: float | None = None
    bound: float | None = None
    unit: str = ""  # ms | ratio | 1/s
    alpha: float = 0.05
    message: str = ""
    where: str = ""


class LoadPoint(Base, frozen=True, kw_only=True):
    """One second of the load test."""

    second: int
    requests: int
    errors: int
    p50_ms: float | None = None
    p99_ms: float | None = None


class DuelMetric(Base, frozen=True, kw_only=True):
    """One figure of a duel: time of the challenger over the champion's, above 1 is slower, with one-sided bounds."""

    name: str  # p50 | p99 | throughput
    outcome: Outcome
    ratio: float
    lower: float
    upper: float
    bound: float  # 1 + margin
    alpha: float
    pair_sd: float  # of the log-ratio of one pair
    neighbours: float  # lag-1 correlation of the pairs
    pairs_needed: int  # with which an equal challenger would pass in 80 %
    ratios: tuple[float, ...] = ()
    message: str = ""


class DuelResult(Base, frozen=True, kw_only=True):
    """Challenger against a copy of the champion on the same machine, in alternating pairs."""

    outcome: Outcome
    metrics: tuple[DuelMetric, ...] = ()
    champion: str = ""
    pairs: int = 0
    most_pairs: int = 0
    challenger_first: tuple[bool, ...] = ()
    live: bool = False
    message: str = ""  # why it could not be fought


class BuildFigures(Base, frozen=True, kw_only=True):
    """Figures of an earlier load test on this site. machine: what must be equal for figures to be compared."""

    run: str
    at: str
    version: str
    p50_ms: float
    p99_ms: float
    throughput: float
    machine: str


class Change(Base, frozen=True, kw_only=True):
    """From that run on, the figure is ``ratio`` times what it was before."""

    metric: str
    run: str
    index: int
    ratio: float


class Trend(Base, frozen=True, kw_only=True):
    """Load tests on machines like this one, oldest first, this run's last; shown, never gating."""

    builds: tuple[BuildFigures, ...] = ()
    changes: tuple[Change, ...] = ()
    unlike: str = ""  # how the machine differs from that of the last build, when it does


class SweepPoint(Base, frozen=True, kw_only=True):
    """One rate of a sweep. kept: the budgets held; saturated: why the generator cannot be trusted there."""

    rate: float
    throughput: float
    kept: bool
    workers: int = 1
    p50_ms: float | None = None
    p99_ms: float | None = None
    errors: float = 0.0  # share
    broken: str = ""
    saturated: str = ""


class SweepResult(StageResult, frozen=True, kw_only=True):
    """How much load a deployment bears."""

    points: tuple[SweepPoint, ...] = ()
    highest_rate: float | None = None  # that kept the budgets, 1/s
    knee_rate: float | None = None
    limited_by: str = ""
    advice: tuple[str, ...] = ()


class SoakResult(StageResult, frozen=True, kw_only=True):
    """Whether memory and latency grow under a long load. memory_mb, p50_ms: (second, value)."""

    deployment: str
    figures: tuple[BudgetResult, ...] = ()
    memory_mb: tuple[tuple[float, float], ...] = ()
    p50_ms: tuple[tuple[float, float], ...] = ()
    requests: int = 0
    errors: int = 0
    duration_s: float = 0.0


class PerfResult(StageResult, frozen=True, kw_only=True):
    """A load test against one deployment."""

    deployment: str
    budgets: tuple[BudgetResult, ...] = ()
    percentiles_ms: dict[str, float] = {}
    generator_ms: dict[
        str, float
    ] = {}  # the generator's own: the same client, a server that does nothing, the same time
    requests: int = 0
    errors: int = 0
    planned_rate: float | None = None  # requests a second
    achieved_rate: float = 0.0
    duration_s: float = 0.0
    warmup_s: float = 0.0
    series: tuple[LoadPoint, ...] = ()
    error_samples: tuple[str, ...] = ()
    artefact_digest: str = ""
    environment: dict[str, str] = {}
    tool: str = ""
    duel: DuelResult | None = None
    trend: Trend | None = None


class Claim(Base, frozen=True, kw_only=True):
    """One claim of a promotion: the metric or a guardrail, with its always-valid bounds on the challenger's gain."""

    name: str
    outcome: Outcome
    role: str  # metric | guardrail
    effect: float | None = None
    lower: float | None = None
    upper: float | None = None
    bound: float | None = None
    alpha: float = 0.05
    n_champion: int = 0
    n_challenger: int = 0
    method: str = ""
    message: str = ""
    where: str = ""  # file:line:column of the setting


class PromoteResult(StageResult, frozen=True, kw_only=True):
    """One look: what was seen and what was done about the traffic."""

    action: str  # advance | hold | rollback | promoted | none
    deployment: str
    champion: str | None = None
    step: str = ""  # the step looked at: shadow, 5, …
    share_before: float = 0.0
    share_after: float = 0.0
    claims: tuple[Claim, ...] = ()
    units: dict[str, int] = {}
    coverage: dict[str, float] = {}
    sample_ratio_p: float | None = None
    next_look_at: str | None = None
    evidence_digest: str = ""
    looks: tuple[dict[str, Any], ...] = ()


class Record(Base, frozen=True, kw_only=True):
    """A result with what it was made from: the content of ``<stage>.json``."""

    schema_version: int
    stage: str
    run: str
    started_at: str
    ended_at: str
    seconds: float
    host: str
    inputs: dict[str, str]
    input_digest: str
    tools: dict[str, str]
    result: msgspec.Raw
    skipped: bool = False


RESULTS: dict[str, type[StageResult]] = {
    "train": TrainResult,
    "quality": QualityResult,
    "package": PackageResult,
    "deploy": DeployResult,
    "perf": PerfResult,
    "promote": PromoteResult,
}
# What a stage does besides its gate, by an option of its task (``perf --sweep``); its record is ``<name>.json``.
STUDIES: dict[str, type[StageResult]] = {
    "quality-selftest": SelfTestResult,
    "perf-sweep": SweepResult,
    "perf-soak": SoakResult,
}


def encode(value: msgspec.Struct) -> bytes:
    """A record as indented JSON, fields in the order of their definition."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def decode_result(stage: str, record: Record) -> StageResult:
    """The typed result inside a record."""
    return msgspec.json.decode(record.result, type={**RESULTS, **STUDIES}[stage])
