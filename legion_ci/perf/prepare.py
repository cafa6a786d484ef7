"""What a load is made of, before a request is sent: settings that make sense, a plan, and a locustfile."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from legion_ci.core.errors import ConfigurationError, Problem, missing_package
from legion_ci.core.files import write_atomic
from legion_ci.perf import budgets as grammar
from legion_ci.perf import samples, target
from legion_ci.perf.budgets import Budget
from legion_ci.perf.log import RAW, STATUS, TICKS
from legion_ci.perf.plan import DRAIN_S, Load, Plan, late_s, most_users, refusals
from legion_ci.results import DeployResult
from legion_ci.settings.schema import PerfSettings

_REPLAY = '''"""Made by legion-ci: replays sample rows against the model; copy it beside legion.yaml to change it."""

from legion_ci.perf.user import InvokeUser


class Replay(InvokeUser):
    """One row a request, in turn."""
'''
_DEFAULT = "locustfile.py"


@dataclass(frozen=True)
class Question:
    """Settings that were found to make sense: parsed budgets, the locustfile (None: the generated one), the data."""

    settings: PerfSettings
    budgets: tuple[Budget, ...]
    locustfile: Path | None
    data: Path | None
    refused: tuple[Problem, ...]


@dataclass(frozen=True)
class Prepared:
    """A load that can start."""

    question: Question
    plan: Plan
    locustfile: Path


def prepare(
    settings: PerfSettings, deployed: DeployResult, sample: Path, folder: Path, work: Path, *, proves: bool = True
) -> Prepared:
    """Check, reach the deployment, write bodies and locustfile below ``work``.

    proves: the run must be able to show its budgets (a sweep or a soak only reads them). Raises as ``stage.run`` says.
    """
    question = ask(settings, deployed, folder, proves=proves)
    _require_locust()
    target.reach(deployed.direct_url)
    plan = _plan(question, deployed, sample, work.resolve())
    return Prepared(question, plan, question.locustfile or _write_replay(plan.file("replay.py")))


def ask(settings: PerfSettings, deployed: DeployResult, folder: Path, *, proves: bool = True) -> Question:
    """Everything about the settings that can be judged before a request is sent; all problems at once."""
    problems: list[Problem] = []
    try:
        budgets = grammar.parse(settings.budgets)
    except ConfigurationError as error:
        budgets = ()
        problems.extend(error.problems)
    problems.extend(_problems(settings, deployed, folder))
    own = _locustfile(settings, folder)
    load = Load(settings.rate, settings.arrivals, settings.duration, settings.warmup)
    refused = refusals(budgets, load, settings.alpha) if proves else ()
    if own is None:
        problems.extend(refused)
    if problems:
        raise ConfigurationError(problems)
    return Question(settings, budgets, own, folder / settings.data if settings.data else None, refused)


def _problems(settings: PerfSettings, deployed: DeployResult, folder: Path) -> list[Problem]:
    found = [target.foreign(deployed.direct_url)]
    if settings.duration - settings.warmup < 1:
        found.append(
            Problem(
                f"the warm-up of {settings.warmup:g} s leaves less than a second of {settings.duration:g} s",
                "perf.duration",
                "make the run longer",
            )
        )
    for name, given in (("locustfile", settings.locustfile), ("data", settings.data)):
        if given and not (folder / given).is_file():
            found.append(Problem(f"the file {given} is not there", f"perf.{name}", f"paths are relative to {folder}"))
    return [p for p in found if p is not None]


def _locustfile(settings: PerfSettings, folder: Path) -> Path | None:
    path = folder / (settings.locustfile or _DEFAULT)
    return path.resolve() if path.is_file() else None


def _require_locust() -> None:
    for package in ("locust", "hdrh"):
        if find_spec(package) is None:
            raise missing_package(ImportError(name=package), "perf")


def _plan(question: Question, deployed: DeployResult, sample: Path, work: Path) -> Plan:
    settings = question.settings
    work.mkdir(parents=True, exist_ok=True)
    for name in (TICKS, RAW, STATUS):
        (work / name).unlink(missing_ok=True)
    rows = samples.bodies(sample, question.data)
    write_atomic(work / "bodies.jsonl", b"\n".join(rows) + b"\n")
    return Plan(
        host=deployed.direct_url.rstrip("/"),
        rate=settings.rate,
        arrivals=settings.arrivals,
        duration_s=settings.duration,
        warmup_s=settings.warmup,
        users=settings.users,
        most_users=most_users(settings.users, settings.rate, question.budgets),
        late_s=late_s(question.budgets),
        bodies=str(work / "bodies.jsonl"),
        folder=str(work),
        refused=question.refused,
        drain_s=DRAIN_S,
        parent=os.getpid(),
    )


def _write_replay(path: Path) -> Path:
    write_atomic(path, _REPLAY)
    return path
