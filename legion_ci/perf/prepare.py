"""What a load is made of, before a request is sent: a plan, what is sent, and a locustfile."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from legion_ci.core.errors import missing_package
from legion_ci.core.files import write_atomic
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.perf import captured, requests, samples, target, trace
from legion_ci.perf.fingerprint import cores
from legion_ci.perf.log import RAW, STATUS, TICKS
from legion_ci.perf.plan import ABORT, DRAIN_S, Plan, late_s, most_users
from legion_ci.perf.question import CAPTURED, Question, ask, phases_of
from legion_ci.perf.requests import Request
from legion_ci.results import DeployResult
from legion_ci.settings.schema import PerfSettings

PER_PROCESS = 1000.0  # requests a second that one process is asked for; a sweep here kept its plan up to about 3,000/s

_REPLAY = '''"""Made by legion-ci: replays rows against the model; copy it beside legion.yaml to change it."""

from legion_ci.perf.user import InvokeUser


class Replay(InvokeUser):
    """One row a request, in turn."""
'''


@dataclass(frozen=True)
class Prepared:
    """A load that can start."""

    question: Question
    plan: Plan
    locustfile: Path


def prepare(
    settings: PerfSettings,
    deployed: DeployResult,
    sample: Path,
    folder: Path,
    work: Path,
    *,
    proves: bool = True,
    tools: Tools | None = None,
) -> Prepared:
    """Check, reach the deployment, write what is sent and the locustfile below ``work``.

    proves: the run must be able to show its budgets (a sweep or a soak only reads them). Raises as ``stage.run`` says.
    """
    question = ask(settings, folder, deployed, proves=proves)
    _require_locust()
    url = settings.host or deployed.direct_url
    token = (tools or Tools()).secrets.resolve(settings.token, "perf.token") if settings.token else ""
    target.reach(url, token)
    plan = _plan(question, url, deployed, sample, work.resolve())
    return Prepared(question, plan, question.locustfile or _write_replay(plan.file("replay.py")))


def _require_locust() -> None:
    for package in ("locust", "hdrh"):
        if find_spec(package) is None:
            raise missing_package(ImportError(name=package), "perf")


def _plan(question: Question, url: str, deployed: DeployResult, sample: Path, work: Path) -> Plan:
    settings = question.settings
    work.mkdir(parents=True, exist_ok=True)
    for name in (TICKS, RAW, STATUS, ABORT):
        (work / name).unlink(missing_ok=True)
    requests.write(work / "requests.jsonl", _requests(question, deployed, sample))
    starts, phases = _trace(question, deployed), phases_of(settings)
    if starts:
        write_atomic(work / "trace.json", json.dumps(starts).encode())
    load = question.load
    rate, peak = load.rate, max((max(p.rate, p.end_rate) for p in phases), default=load.rate)
    if starts:
        duration_s = (
            min(settings.duration, starts[-1] + 1e-3) if "duration" in settings.model_fields_set else starts[-1] + 1e-3
        )
        rate = peak = len(starts) / duration_s
    else:
        duration_s = sum(p.duration_s for p in phases) or settings.duration
    return Plan(
        host=url.rstrip("/"),
        rate=rate,
        arrivals=settings.arrivals,
        duration_s=duration_s,
        warmup_s=settings.warmup,
        users=settings.users,
        most_users=most_users(settings.users, peak, question.budgets),
        late_s=late_s(question.budgets),
        requests=str(work / "requests.jsonl"),
        folder=str(work),
        phases=phases,
        trace=str(work / "trace.json") if starts else "",
        most_requests=settings.requests_count,
        hatch_rate=settings.hatch_rate,
        token=settings.token or "",
        site=deployed.site,
        model=deployed.model.name,
        processes=_processes(settings, peak),
        expect_workers=settings.expect_workers,
        workers_from=settings.workers_from,
        port=settings.port or 0,
        refused=question.refused,
        drain_s=DRAIN_S,
        parent=os.getpid(),
    )


def _processes(settings: PerfSettings, peak: float) -> int:
    """Workers on this machine: 0 is one process without a master; more when one core is not enough."""
    wanted = settings.processes or min(cores(), math.ceil(peak / PER_PROCESS))
    return wanted if wanted > 1 or settings.expect_workers else 0


def _requests(question: Question, deployed: DeployResult, sample: Path) -> list[Request]:
    settings, model = question.settings, deployed.model.name
    if settings.data == CAPTURED:
        return captured.requests(_store(deployed), model)
    return samples.requests(sample, question.data, requests.protocol(settings.protocol, model))


def _trace(question: Question, deployed: DeployResult) -> list[float]:
    settings = question.settings
    if settings.trace is None:
        return []
    if settings.trace == CAPTURED:
        moments = captured.times(_store(deployed), deployed.model.name)
    else:
        moments = trace.read(question.folder / settings.trace)
    return trace.offsets(moments, settings.trace_speed, f"perf.trace: {settings.trace}")


def _store(deployed: DeployResult) -> Path:
    return Site(Path(deployed.site), deployed.model.name).feedback


def _write_replay(path: Path) -> Path:
    write_atomic(path, _REPLAY)
    return path
