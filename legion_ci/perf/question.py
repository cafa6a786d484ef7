"""Everything about the settings that can be judged before there is a deployment, and before a request is sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.perf import budgets as grammar
from legion_ci.perf import target
from legion_ci.perf.arrivals import Phase
from legion_ci.perf.budgets import Budget
from legion_ci.perf.plan import Load, refusals
from legion_ci.results import DeployResult
from legion_ci.settings.schema import PerfSettings

CAPTURED = "captured"
_DEFAULT = "locustfile.py"


@dataclass(frozen=True)
class Question:
    """Settings that were found to make sense: parsed budgets, the locustfile (None: the generated one), the data."""

    settings: PerfSettings
    budgets: tuple[Budget, ...]
    locustfile: Path | None
    data: Path | None
    refused: tuple[Problem, ...]
    load: Load
    folder: Path


def ask(settings: PerfSettings, folder: Path, deployed: DeployResult | None = None, *, proves: bool = True) -> Question:
    """The question; raises ConfigurationError with all problems at once.

    deployed: None before there is one. A plan of a team's own locustfile is not refused before its users are known.
    """
    problems: list[Problem] = []
    try:
        budgets = grammar.parse(settings.budgets)
    except ConfigurationError as error:
        budgets = ()
        problems.extend(error.problems)
    problems.extend(_problems(settings, deployed, folder, budgets))
    own, load = _locustfile(settings, folder), _load(settings)
    refused = refusals(budgets, load, settings.alpha) if proves and not settings.trace else ()
    if own is None:
        problems.extend(refused)
    if problems:
        raise ConfigurationError(problems)
    data = folder / settings.data if settings.data and settings.data != CAPTURED else None
    return Question(settings, budgets, own, data, refused, load, folder)


def phases_of(settings: PerfSettings) -> tuple[Phase, ...]:
    """The phases of a load whose rate changes; () when it does not."""
    if settings.phases:
        return tuple(
            Phase(name=p.name, rate=p.rate, rate_end=p.rate_end, duration_s=p.duration) for p in settings.phases
        )
    if settings.rate_end is not None:
        return (Phase(rate=settings.rate, rate_end=settings.rate_end, duration_s=settings.duration),)
    return ()


def _load(settings: PerfSettings) -> Load:
    phases = phases_of(settings) or (Phase(rate=settings.rate, duration_s=settings.duration),)
    duration_s, expected = sum(p.duration_s for p in phases), sum(p.expected for p in phases)
    if settings.requests_count and settings.requests_count < expected:
        duration_s *= settings.requests_count / expected
        expected = settings.requests_count
    return Load(expected / max(duration_s, 1e-9), settings.arrivals, duration_s, settings.warmup, phases)


def _problems(
    settings: PerfSettings, deployed: DeployResult | None, folder: Path, budgets: tuple[Budget, ...]
) -> list[Problem]:
    url = settings.host or (deployed.direct_url if deployed else "")
    found = [target.foreign(url, settings.hosts) if url else None]
    load = _load(settings)
    if load.duration_s - settings.warmup < 1:
        found.append(
            Problem(
                f"the warm-up of {settings.warmup:g} s leaves less than a second of {load.duration_s:g} s",
                "perf.duration",
                "make the run longer",
            )
        )
    files = {"locustfile": settings.locustfile, "data": settings.data, "trace": settings.trace}
    for name, given in files.items():
        if given and not (given == CAPTURED and name != "locustfile") and not (folder / given).is_file():
            found.append(Problem(f"the file {given} is not there", f"perf.{name}", f"paths are relative to {folder}"))
    found.extend(_unknown_phase(b, settings) for b in budgets)
    found.extend(_contradictions(settings))
    return [p for p in found if p is not None]


def _unknown_phase(budget: Budget, settings: PerfSettings) -> Problem | None:
    names = [p.name for p in settings.phases if p.name]
    if not budget.phase or budget.phase in names:
        return None
    return Problem(
        f"there is no phase {budget.phase!r} (in {budget.name!r})",
        budget.where,
        f"known are {', '.join(names)}" if names else "give perf.phases, each with a name",
    )


def _contradictions(settings: PerfSettings) -> list[Problem]:
    given = settings.model_fields_set
    found = []
    if settings.phases and (both := sorted(given & {"rate", "rate_end", "duration"})):
        found.append(Problem(f"phases have their own {', '.join(both)}", "perf.phases", f"leave perf.{both[0]} out"))
    if settings.trace and (settings.phases or settings.rate_end):
        found.append(Problem("a trace has its own rates", "perf.trace", "leave perf.phases and perf.rate_end out"))
    if bool(settings.expect_workers) != bool(settings.workers_from):
        found.append(
            Problem(
                "other machines take part only when they are named and counted",
                "perf.expect_workers",
                "give perf.workers_from (host names) and perf.expect_workers (how many processes), or neither",
            )
        )
    return found


def _locustfile(settings: PerfSettings, folder: Path) -> Path | None:
    path = folder / (settings.locustfile or _DEFAULT)
    return path.resolve() if path.is_file() else None
