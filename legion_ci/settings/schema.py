"""The schema of ``legion.yaml``: one section a stage, everything but ``model.name`` and the data with a default.

Sections with ``use`` are completed by the plug-in that it names: the plug-in's ``Settings`` class extends the section.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)

from legion_ci.core.site import Site
from legion_ci.settings import cron

STAGES = ("train", "quality", "package", "deploy", "perf", "promote")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
NOT_SHOWN = "legion_not_shown"  # type of a problem whose value may be a secret
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(value: Any) -> Any:
    """Seconds of ``30s``, ``5m``, ``1h30m``, ``250ms``, ``7d`` or a plain number."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if not isinstance(value, str):
        return value
    parts = _DURATION.findall(value)
    if not parts or "".join(n + u for n, u in parts) != value.replace(" ", ""):
        raise ValueError(f"{value!r} is not a duration such as 30s, 5m, 1h30m or 7d")
    return sum(float(n) * _UNITS[u] for n, u in parts)


Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0)]
Cron = Annotated[str, AfterValidator(cron.checked)]
Share = Annotated[float, Field(ge=0, le=1)]
Alpha = Annotated[float, Field(gt=0, lt=0.5)]
Name = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]
Size = Annotated[int, BeforeValidator(lambda value: parse_size(value)), Field(ge=1)]  # bytes


class Section(BaseModel):
    """A part of the configuration: frozen, strict, nothing unknown. Sequences are tuples."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
    not_inputs: ClassVar[frozenset[str]] = frozenset()  # fields on which no result depends
    _origin: str = PrivateAttr(default="")

    @property
    def origin(self) -> str:
        """Where the section was written (file:line:column), empty when it is all defaults."""
        return self._origin

    def placed(self, origin: str) -> None:
        """Remember where the section was written; called once, by the loader."""
        self._origin = origin


class ModelSettings(Section):
    """The model's name (a Kubernetes-style label) and what people should know about it."""

    name: Name
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)


class SiteSettings(Section):
    """Where the model lives. Default: a folder in the user's state folder, never the workspace.

    branch: work in a site of one's own beside it, as builds of pull requests do: the champion is read from ``path`` and
    never written; ``branch.remove`` removes it.
    """

    path: str | None = None
    branch: Name | None = None


class StoreSettings(Section):
    """MLflow: a tracking URI, else SQLite in the site; the experiment is named after the model unless said."""

    tracking_uri: str | None = None
    experiment: str | None = None


class DistributionSettings(Section):
    """Where environments get their packages: the configured index, folders of wheels, or both."""

    find_links: tuple[str, ...] = ()


def _columns(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


class DataSettings(Section):
    """A data set; the source that ``use`` names adds its settings. Columns are features unless target or ignored.

    tags: who sees it: train, test, predict; default: everybody, but ``eval`` is for the gate alone. chunk_rows: it is read in
    pieces of so many rows by ``chunks()`` and never held as a whole unless its table is asked for.
    """

    use: str = "parquet"
    target: str | None = None
    ignore: tuple[str, ...] = ()
    features: tuple[str, ...] | None = None
    tags: Annotated[tuple[Literal["train", "test", "predict"], ...], BeforeValidator(_columns)] = ()
    chunk_rows: int | None = Field(default=None, ge=1)

    def at(self, site: Site, promote: PromoteSettings, folder: Path) -> DataSettings:
        """Completed by what the configuration as a whole says; called once, by the loader. folder: the model repository."""
        return self


class SinkSettings(Section):
    """Where predictions go; the sink that ``use`` names adds its settings."""

    use: str = "parquet"


class RangeSettings(Section):
    """Values from ``low`` to ``high``, both included; whole numbers when both are. log: even in the logarithm."""

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> RangeSettings:
        if self.low >= self.high or (self.log and self.low <= 0):
            raise ValueError("low must be below high" + (", and above 0 with log" if self.log else ""))
        return self


class SearchSettings(Section):
    """Hyper-parameters to try before the model is trained with the best of them.

    space: for each parameter a list of values, or {low, high, log}. metric: measured on rows that training does not see:
    those of the data set ``on``, else a share ``held_out`` of data.train chosen by ``seed``; never those of data.eval.
    sampler: tpe (learns from earlier trials), random or grid (every combination). trials, time: the budget; no round of
    ``parallel`` trials starts after it.
    """

    space: dict[str, RangeSettings | tuple[Any, ...]] = Field(min_length=1)
    metric: Literal["accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "brier", "rmse", "mae", "r2"]
    on: str | None = None
    held_out: float = Field(default=0.25, gt=0, lt=1)
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    trials: int = Field(default=20, ge=1, le=10_000)
    time: Duration = 24 * 3600.0
    parallel: int = Field(default=2, ge=1, le=256)
    seed: int = Field(default=20261121, ge=0)


class TrainSettings(Section):
    """How a model is made; the trainer that ``use`` names adds its own settings.

    requirements: pip requirements of the model at run time, or one .txt file; None: what the model loads. environment: a
    file that describes the environment to train and serve in (conda.yaml, python_env.yaml, pyproject.toml, uv.lock,
    requirements.txt); None: train in this one. search: try hyper-parameters first.
    """

    tools: ClassVar[tuple[str, ...]] = ()  # our extras that training itself needs beside a described environment
    use: str = "function"
    parameters: dict[str, Any] = Field(default_factory=dict)
    requirements: tuple[str, ...] | str | None = None
    environment: str | None = None
    search: SearchSettings | None = None
    sample_rows: int = Field(default=20, ge=1, le=10_000)
    timeout: Duration = 24 * 3600.0

    def described_in(self, folder: Path) -> Path | None:
        """The file that describes the environment to train in; folder: the model repository."""
        return folder / self.environment if self.environment else None


class CheckSettings(Section):
    """One check of the quality gate; the check that ``use`` names adds its own settings."""

    use: str = "metric"
    name: str | None = None
    role: Literal["require", "alarm"] | None = None

    def files(self, folder: Path) -> tuple[Path, ...]:
        """Files that the verdict depends on besides data and models; folder: the model repository."""
        return ()

    @property
    def reads_code(self) -> bool:
        """Whether the verdict depends on the model repository's own Python code."""
        return False

    @property
    def reads_clock(self) -> bool:
        """Whether the same inputs may get another verdict later."""
        return False

    @property
    def needs_all_rows(self) -> bool:
        """Whether some of the rows, drawn at random, would not do."""
        return False


class SelfTestSettings(Section):
    """``quality --selftest``: judgements a question in worlds whose truth is known, and the time that they may take."""

    runs: int = Field(default=2000, ge=100, le=1_000_000)
    time: Duration = 120.0


class LimitsSettings(Section):
    """What a model's process may use while it answers evaluation rows.

    threads: of numeric libraries, default the cores that this process may use. memory: of its own data, like 8GiB; a model
    that wants more fails (Linux only); default no limit.
    """

    threads: int | None = Field(default=None, ge=1, le=1024)
    memory: Annotated[Size, Field(ge=64 << 20)] | None = None


class QualitySettings(Section):
    """The quality gate. alpha is one-sided. key: columns that name an evaluation row; no two rows may share it, and a
    model that answers some rows in another order differently is refused. memory: bytes that the gate may take, like 2GiB;
    evaluation rows that would be more than a quarter of it are streamed. limits: of the models' processes.
    """

    not_inputs: ClassVar[frozenset[str]] = frozenset({"limits"})

    checks: tuple[CheckSettings, ...] = ()
    alpha: Alpha = 0.05
    cluster: str | None = None
    key: Annotated[tuple[str, ...], BeforeValidator(_columns)] = ()
    positive: Any = None
    on_unassessed: Literal["inconclusive", "note"] = "inconclusive"
    slice_margin: Share = 0.0
    min_rare: int = Field(default=50, ge=1)
    resamples: int = Field(default=10_000, ge=10_000)
    seed: int = 20261121
    timeout: Duration = 3600.0
    memory: Annotated[Size, Field(ge=64 << 20)] = 4 << 30
    limits: LimitsSettings = LimitsSettings()
    selftest: SelfTestSettings = SelfTestSettings()


class PackageSettings(Section):
    """What is made of a trained model; the packager that ``use`` names adds its own settings.

    accelerate: also package a faster form of the model, proved equal within ``tolerance`` (absolute below 1, relative
    above). when_unequal: what to do where none is: fail, or package the model as it is and say so.
    """

    makes: ClassVar[str] = "bundle"  # what kind of package: bundle, server image, program image
    use: str = "bundle"
    accelerate: Literal["onnx"] | None = None
    tolerance: float = Field(default=1e-5, gt=0, le=0.1, strict=False)  # YAML reads 1e-5 as a string
    when_unequal: Literal["fail", "plain"] = "fail"


class AuthSettings(Section):
    """Whose tokens (JWT in ``Authorization: Bearer``) the gateway accepts.

    jwks: file or URL of the public keys; None: the site's own, with which ``legion-ci token.issue`` signs. audience: one of
    them must be in the token. role: who may ask this deployment, a word in the claim ``role_claim``; None: everybody
    with a token. clock_skew: by which clocks may differ. token: with which our own acceptance and load tests ask, ``env:NAME``
    or ``file:PATH``; None: the site issues one, where its own keys count.
    """

    issuer: str = Field(default="legion-ci", min_length=1)
    audience: Annotated[tuple[str, ...], BeforeValidator(_columns)] = Field(default=("legion",), min_length=1)
    jwks: str | None = None
    role: str | None = Field(default=None, min_length=1)
    role_claim: str = Field(default="roleName", min_length=1)
    clock_skew: Duration = 60.0
    token: str | None = None


class TlsSettings(Section):
    """A listener for users with TLS, beside the plain one, which stays on loopback for our own tools.

    certificate, key: PEM files, relative to the model repository; read again when a file is moved into the certificate's
    folder. listen: the address; the default is every address of this machine.
    """

    certificate: str
    key: str
    port: int = Field(ge=1, le=65535)
    listen: str = "0.0.0.0"  # noqa: S104 - TLS is for the network


class DeploySettings(Section):
    """Where packages run; the deployer that ``use`` names adds its own settings. auth: None: no token is asked for.

    port: of the gateway; None: a free one, kept from then on. unit_header: whose value keeps a user in one arm.
    rate_limit: requests a second of all users together; what is more is answered 429. None: no limit. verify: file:PATH of a
    public key; only images that package.sign signed with its private key are deployed. credentials: env:NAME or file:PATH with
    user:password for the registry of the image; None: Docker's configuration. insecure: that registry speaks http.
    """

    takes: ClassVar[str] = "bundle"  # what kind of package it runs
    use: str = "local"
    port: int | None = Field(default=None, ge=1, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    unit_header: str = "x-legion-unit"
    tests: str | None = None
    tests_timeout: Duration = 600.0
    ready_timeout: Duration = 120.0
    capture: bool = True
    auth: AuthSettings | None = None
    tls: TlsSettings | None = None
    rate_limit: int | None = Field(default=None, ge=1)
    verify: str | None = None
    credentials: str | None = None
    insecure: bool = False


class DuelSettings(Section):
    """Challenger against a copy of the champion, loaded in turn at ``perf.rate`` on the same machine.

    pairs: of runs at the first look, max_pairs: at the last. margin: the accepted slowdown (0.1 is 10 %). run, warmup: of
    one load. live: fight the champion that serves users instead of a copy.
    """

    pairs: int = Field(default=10, ge=4, le=1000)
    max_pairs: int = Field(default=40, ge=4, le=1000)
    margin: float = Field(default=0.1, gt=0, le=10)
    run: Duration = 5.0
    warmup: Duration = 1.0
    metrics: tuple[Literal["p50", "p99"], ...] = Field(default=("p50", "p99"), min_length=1)
    live: bool = False


class SweepSettings(Section):
    """``perf --sweep``: rates from start (1/s) by factor until the budgets break, then halvings of the gap.

    run, warmup: of one load. workers: sweep copies of the deployment with these numbers of server processes.
    """

    start: float = Field(default=10.0, gt=0)
    most: float = Field(default=20_000.0, gt=0)
    factor: float = Field(default=2.0, gt=1, le=100)
    halvings: int = Field(default=3, ge=0, le=10)
    run: Duration = 5.0
    warmup: Duration = 1.0
    workers: tuple[int, ...] = ()


class SoakSettings(Section):
    """``perf --soak``: a long load, and how fast the server's memory and median latency may grow."""

    duration: Duration = 3600.0
    memory_mb_per_hour: float = Field(default=50.0, gt=0)
    latency_percent_per_hour: float = Field(default=10.0, gt=0)


class PhaseSettings(Section):
    """A part of the load: its rate (1/s), and for a ramp the rate at its end; budgets may name it."""

    rate: float = Field(gt=0)
    rate_end: float | None = Field(default=None, gt=0)
    duration: Duration
    name: str = Field(default="", pattern=r"^[^{},:]*$")


class PerfSettings(Section):
    """The load test. rate: requests a second; budgets: ``p99 < 50ms``, ``errors < 0.2%``, ``throughput > 100/s``.

    A budget may be about one endpoint or phase: ``p99{phase: peak} < 50ms``, ``errors{endpoint: /invocations} < 1%``.
    rate_end: a ramp from ``rate``. phases: instead of rate and duration. trace: a file of recorded starts, or ``captured``,
    replayed ``trace_speed`` times as fast. warmup: the most that is cut. abort_on_fail: stop as soon as a budget is broken
    beyond doubt. users, hatch_rate, requests_count: ready users, how many a second of Locust's own kind are made, and after
    how many requests the load ends (Legion's testUsers, testHatchRate, testRequestsCount). host: loaded instead of the
    deployment; hosts: other machines that may be loaded. data: a file of rows, or ``captured`` for requests that users
    sent. token: a JWT at ``env:NAME`` or ``file:PATH``; None: that of ``deploy.auth``. processes: that send, None: as many as the rate needs.
    expect_workers: Locust workers that join at ``port`` from the machines ``workers_from``.
    """

    rate: float = Field(default=50.0, gt=0)
    rate_end: float | None = Field(default=None, gt=0)
    arrivals: Literal["poisson", "constant"] = "poisson"
    phases: tuple[PhaseSettings, ...] = ()
    trace: str | None = None
    trace_speed: float = Field(default=1.0, gt=0)
    duration: Duration = 30.0
    warmup: Duration = 3.0
    users: int = Field(default=50, ge=1)
    hatch_rate: float | None = Field(default=None, gt=0)
    requests_count: int | None = Field(default=None, ge=1)
    host: str | None = None
    hosts: tuple[str, ...] = ()
    budgets: tuple[str, ...] = ("errors < 1%",)
    abort_on_fail: bool = False
    locustfile: str | None = None
    data: str | None = None
    protocol: Literal["legion", "mlflow", "v2"] = "legion"
    token: str | None = None
    processes: int | None = Field(default=None, ge=1, le=256)
    expect_workers: int = Field(default=0, ge=0)
    workers_from: tuple[str, ...] = ()
    port: int | None = Field(default=None, ge=1, le=65535)
    alpha: Alpha = 0.05
    valid_for: Duration = 7 * 86400.0
    duel: DuelSettings | None = None
    sweep: SweepSettings = SweepSettings()
    soak: SoakSettings = SoakSettings()

    @model_validator(mode="before")
    @classmethod
    def _as_in_legion(cls, given: Any) -> Any:
        """Legion's parameters of ``runPerformanceTests`` by their own names."""
        names = {"testUsers": "users", "testHatchRate": "hatch_rate", "testRequestsCount": "requests_count"}
        return {names.get(k, k): v for k, v in given.items()} if isinstance(given, dict) else given


class PromoteSettings(Section):
    """How traffic moves. steps: ``shadow`` and percentages; window: how long a unit's outcomes count. patience: how long a step
    may take; ``promote --plan`` refuses steps that cannot see by then what the guardrails name.

    margin: the loss of the metric that is accepted (0: the challenger must be better). in_build: how long one call may
    go on looking, at ``look_every`` intervals.
    """

    steps: tuple[Literal["shadow"] | float, ...] = ("shadow", 5.0, 25.0, 50.0, 100.0)
    outcome: str | None = None
    metric: str = "accuracy"
    positive: Any = None
    margin: float = Field(default=0.0, ge=0)
    guardrails: tuple[str, ...] = ("errors not worse by 1%",)
    alpha: Alpha = 0.05
    window: Duration = 10.0
    min_units: int = Field(default=20, ge=1)
    min_coverage: Share = 0.5
    min_duration: Duration = 0.0
    patience: Duration = 7 * 86400.0
    missing: Literal["exclude", "negative"] = "exclude"
    on_inconclusive: Literal["stop", "shadow"] = "stop"
    in_build: Duration = 0.0
    look_every: Duration = 60.0

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[Any, ...]) -> tuple[Any, ...]:
        shares = [s for s in steps if s != "shadow"]
        if "shadow" in steps[1:] or shares != sorted(set(shares)) or not shares or shares[-1] != 100 or shares[0] <= 0:
            raise ValueError("steps are shadow (at most once, first) and rising percentages that end with 100")
        return steps


class DriftTrigger(Section):
    """Users' requests of the last ``window`` against the data that the champion learnt from, column by column.

    columns: default, the features. limit: the population stability index that is still no drift. alpha: for all columns
    together. min_rows: below it nothing is said (rows of one unit count as less than their number).
    """

    columns: Annotated[tuple[str, ...], BeforeValidator(_columns)] = ()
    limit: float = Field(default=0.2, gt=0)
    window: Duration = 7 * 86400.0
    alpha: Alpha = 0.05
    min_rows: int = Field(default=200, ge=20)


class DecayTrigger(Section):
    """The champion's ``promote.metric`` on outcomes: the last ``window`` against all its time before that.

    margin: the loss that is accepted. min_units: users' units in each of both, below which nothing is said.
    """

    margin: float = Field(default=0.02, ge=0)
    window: Duration = 7 * 86400.0
    alpha: Alpha = 0.05
    min_units: int = Field(default=200, ge=20)


class BudgetSettings(Section):
    """So many retrainings start within so long a time."""

    retrainings: int = Field(default=4, ge=1)
    within: Duration = 30 * 86400.0


class ScheduleSettings(Section):
    """When a retraining starts by itself, on the main branch of a Jenkins job (``legionPipeline(manage: true)``).

    cron: when it is asked, in Jenkins' format, with ``H``; default once a day where there are conditions. Without conditions
    each of these times is a retraining; with some, one must hold: drift, decay, or so many new rows in data.train.
    cooldown: the least time between two retrainings that start by themselves.
    """

    cron: Cron | None = None
    drift: DriftTrigger | None = None
    decay: DecayTrigger | None = None
    rows: int | None = Field(default=None, ge=1)
    cooldown: Duration = 86400.0
    budget: BudgetSettings = BudgetSettings()

    @property
    def conditional(self) -> bool:
        """Whether a retraining needs more than its time."""
        return bool(self.drift or self.decay or self.rows)

    @property
    def trigger(self) -> str | None:
        """The lines of a Jenkins timer; None when nothing starts by itself."""
        return self.cron or ("H H * * *" if self.conditional else None)


class ReportSettings(Section):
    """The pages for people."""

    title: str | None = None


class ParameterSettings(Section):
    """One parameter of the job. A secret is a Jenkins credential, never a parameter's default."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    default: str | bool = ""
    description: str = ""
    choices: tuple[str, ...] = ()


class JenkinsSettings(Section):
    """The Jenkins server and this model's job there, for the tasks ``jenkins.…``; the pipeline itself needs none of it.

    url, user, token: ``env:NAME`` or ``file:PATH`` (url may also be an address). repository: default, the remote ``origin``.
    credentials: the id of a Jenkins credential that may read it. poll: how often branches are looked for. promotion_look: when
    the waiting promotion is looked at again (Jenkins' cron, with ``H``). When a build starts by itself: ``schedule``.
    """

    url: str = "env:JENKINS_URL"
    user: str = "env:JENKINS_USER"
    token: str = "env:JENKINS_TOKEN"  # noqa: S105 - where it is, not what it is
    folder: str = ""
    job: str | None = None
    kind: Literal["multibranch", "pipeline"] = "multibranch"
    repository: str | None = None
    credentials: str | None = None
    branch: str = "main"
    script: str = "Jenkinsfile"
    library: str = "legion-ci"
    agent: str = ""
    parameters: tuple[ParameterSettings, ...] = ()
    poll: Duration = 15 * 60.0
    promotion_look: Cron | None = None
    keep_builds: int = Field(default=50, ge=1)
    timeout: Duration = 30.0
    queue_timeout: Duration = 30 * 60.0
    build_timeout: Duration = 24 * 3600.0


def parse_size(value: Any) -> Any:
    """Bytes of ``512m`` or ``2GiB`` (powers of 1,024), ``500MB`` or ``1.5TB`` (powers of 1,000), or a plain number."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([kmgt]?)(i?b)?)?", value.strip(), re.IGNORECASE)
    if not match:
        raise ValueError(f"{value!r} is not a size such as 512m, 500MB or 2GiB")
    thousand = 1000 if (match[3] or "").lower() == "b" else 1024
    return round(float(match[1]) * thousand ** ["", "k", "m", "g", "t"].index((match[2] or "").lower()))


class FeedbackSettings(Section):
    """What is kept of requests, answers and outcomes. Headers never are; bodies are cut at 1 MiB.

    retain: whole days go when they are over for longer; retain_bytes: the oldest go when all are more than this, like 10GB.
    sample: share of requests whose bodies are kept (id, split, status and latency always are). redact: fields of requests,
    answers and outcomes whose values are never stored. What a running experiment reads stays.
    """

    retain: Duration = 365 * 86400.0
    retain_bytes: Annotated[int, BeforeValidator(parse_size), Field(ge=0)] | None = None
    sample: float = Field(default=1.0, gt=0, le=1)
    redact: tuple[str, ...] = ()


class KeepSettings(Section):
    """How much ``clean`` leaves."""

    runs: int = Field(default=20, ge=1)
    environments: Duration = 30 * 86400.0


class Settings(Section):
    """The whole configuration of a model repository."""

    model: ModelSettings
    site: SiteSettings = SiteSettings()
    store: StoreSettings = StoreSettings()
    distribution: DistributionSettings = DistributionSettings()
    data: dict[str, DataSettings] = Field(default_factory=dict)
    sinks: dict[str, SinkSettings] = Field(default_factory=dict)
    train: TrainSettings = TrainSettings()
    quality: QualitySettings = QualitySettings()
    package: PackageSettings = PackageSettings()
    deploy: DeploySettings = DeploySettings()
    perf: PerfSettings = PerfSettings()
    promote: PromoteSettings = PromoteSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    report: ReportSettings = ReportSettings()
    jenkins: JenkinsSettings = JenkinsSettings()
    keep: KeepSettings = KeepSettings()
