"""The tasks ``schedule.…``: when a build asks, and whether a retraining is due, with reasons; a start is remembered."""

from __future__ import annotations

import json as jsonlib
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from legion_ci import facts, runs
from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import write_atomic
from legion_ci.core.tools import Tools
from legion_ci.gateway import routes
from legion_ci.schedule import decay, decision, drift, evidence, memory, waiting
from legion_ci.schedule.decision import Decision, Finding
from legion_ci.settings.load import FILE, Loaded, load


def cron(tools: Tools, settings: str, sets: Sequence[str]) -> int:
    """Print the lines of the Jenkins timer; nothing when no retraining starts by itself."""
    if trigger := load(Path(settings or FILE), sets).settings.schedule.trigger:
        print(trigger)
    return 0


def due(tools: Tools, settings: str, sets: Sequence[str], run: str, start: bool, json: bool) -> int:
    """Say whether a retraining is due. start: it begins now, if it is; the run's facts tell the build."""
    loaded = load(Path(settings or FILE), sets)
    if loaded.settings.site.branch:
        raise ConfigurationError(
            "only the main branch retrains by itself", where="site.branch", todo="ask without site.branch"
        )
    if loaded.settings.schedule.trigger is None:
        print("there is no schedule in legion.yaml")
        return 0
    site, now = loaded.site, tools.clock.now().timestamp()
    with memory.deciding(site):
        found = examine(loaded, tools, now)
        if start:
            chosen = runs.choose(loaded.folder, run, fresh=True)
            if found.due:
                told = os.environ.get("BUILD_URL") or os.environ.get("BUILD_TAG") or ""
                memory.remember(site, memory.Start(at=now, run=chosen.id, why=found.why, build=told))
            write_atomic(chosen.folder / facts.SCHEDULE, jsonlib.dumps(asdict(found), indent=1))
            chosen.facts(facts.gather(chosen, loaded.settings))
    print(jsonlib.dumps(asdict(found), indent=2) if json else found.text())
    return 0


def resume(tools: Tools, settings: str, sets: Sequence[str]) -> int:
    """Bring the records of the promotion that waits here, and print their run; nothing when none waits."""
    loaded = load(Path(settings or FILE), sets)
    run = waiting.resume(loaded.site, loaded.folder)
    if run is None:
        return 0
    run.facts(facts.gather(run, loaded.settings))
    print(run.id)
    return 0


def examine(loaded: Loaded, tools: Tools, now: float) -> Decision:
    """The decision, from the site as it is. Nothing is written."""
    schedule, site = loaded.settings.schedule, loaded.site
    current = routes.read(site)
    if current.champion_arm is None:
        return Decision(False, "there is no champion yet: the first model is brought by hand, with --first")
    champion = evidence.Champion.of(current.champion_arm, tools)
    begun = [s.at for s in memory.starts(site)]
    obstacles = [*_experiment(current), *_same_data(loaded, champion)]
    return decision.decide(schedule, _findings(loaded, champion, current, now), begun, obstacles, now)


def _findings(loaded: Loaded, champion: evidence.Champion, current: routes.Routes, now: float) -> list[Finding]:
    schedule, site, model = loaded.settings.schedule, loaded.site, loaded.settings.model.name
    if not schedule.conditional:
        return [Finding("time", "yes", f"it is the time that schedule.cron names ({schedule.cron})")]
    found = []
    if schedule.drift:
        seen = evidence.seen(site.feedback, model, now - schedule.drift.window, champion.features)
        found.append(drift.judge(schedule.drift, champion.reference, champion.features, seen))
    if schedule.decay:
        found.append(_decay(loaded, current.champion or "", now))
    if schedule.rows:
        found.append(_rows(schedule.rows, champion.rows, evidence.training_rows(loaded)))
    return found


def _decay(loaded: Loaded, deployment: str, now: float) -> Finding:
    settings, promote = loaded.settings.schedule.decay, loaded.settings.promote
    assert settings is not None
    if promote.outcome is None:
        raise ConfigurationError(
            "decay needs to know which outcome is meant", where=settings.origin or "schedule.decay",
            todo="set promote.outcome and promote.metric",
        )  # fmt: skip
    name = loaded.settings.model.name
    before, lately = evidence.halves(loaded.site.feedback, name, deployment, settings, promote, now)
    return decay.judge(settings, promote.metric, before, lately, promote.min_coverage)


def _rows(wanted: int, old: int, now: int | None) -> Finding:
    if now is None or not old:
        told = "there is no data.train" if now is None else "the champion does not say how many rows it learnt from"
        return Finding("rows", "unknown", told)
    return Finding(
        "rows", "yes" if now - old >= wanted else "no", f"{now - old:,} new rows of {wanted:,} in data.train"
    )


def _experiment(current: routes.Routes) -> list[str]:
    if not current.experiment:
        return []
    return [f"the promotion {current.experiment} is going on, and a site runs one at a time"]


def _same_data(loaded: Loaded, champion: evidence.Champion) -> list[str]:
    """Training on the same data again would bring the same model."""
    now = evidence.training_digests(loaded, list(champion.data))
    if not champion.data or now != champion.data:
        return []
    return ["the training data are those that the champion learnt from"]
