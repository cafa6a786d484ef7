"""The stages in order, and the one place that reads their inputs, times them, reuses or writes their records."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec

import legion_ci
from legion_ci import facts, places, provenance
from legion_ci.calls import deploy, package, perf, promote, quality, train
from legion_ci.calls.digests import Digests
from legion_ci.context import Context
from legion_ci.core.clock import stamp
from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import digest_bytes, digest_pairs
from legion_ci.results import (
    SCHEMA_VERSION,
    Record,
    StageResult,
    TrainResult,
    decode_result,
)
from legion_ci.runs import find


@dataclass(frozen=True)
class Stage:
    """One stage: its inputs' digests, its call, and whether an earlier record of equal inputs may stand for it."""

    name: str
    run: Callable[[Context], StageResult]
    inputs: Callable[[Context], Digests]
    reusable: Callable[[Context, Record], bool] = lambda context, record: True


def _reachable(c: Context, record: Record) -> bool:
    from legion_ci.store.artefacts import local_path

    path = local_path(cast(TrainResult, decode_result(record.stage, record)).model.artefact.uri)
    return path is None or path.is_dir()


def _never(c: Context, record: Record) -> bool:
    return False


PIPELINE = (
    Stage("train", train.run, train.inputs, _reachable),
    Stage("quality", quality.run, quality.inputs, quality.reusable),
    Stage("package", package.run, package.inputs, package.reusable),
    Stage("deploy", deploy.run, deploy.inputs, _never),
    Stage("perf", perf.run, perf.inputs, perf.reusable),
    Stage("promote", promote.run, promote.inputs, _never),
)


# By an option of a stage's task; always run anew, and no part of the pipeline.
STUDIES = (
    Stage("quality-selftest", quality.selftest, quality.inputs, _never),
    Stage("perf-sweep", perf.sweep, perf.inputs, _never),
    Stage("perf-soak", perf.soak, perf.inputs, _never),
)


def stage_named(name: str) -> Stage:
    """The stage or study of that name."""
    return next(s for s in (*PIPELINE, *STUDIES) if s.name == name)


def execute(stage: Stage, context: Context) -> Record:
    """Run one stage, or let a record of equal inputs stand for it; the record is written either way."""
    _guard(context, stage)
    inputs = {"legion-ci": legion_ci.__version__, **stage.inputs(context)}
    digest = digest_pairs((k, digest_bytes(v.encode())) for k, v in inputs.items())
    found = find(context.loaded.folder, stage.name, digest, before=context.run)
    if found and stage.reusable(context, found[1]):
        record = msgspec.structs.replace(found[1], run=context.run.id, skipped=True)
    else:
        context.run.path(stage.name).unlink(missing_ok=True)  # what is being made anew must not be taken for made
        started = context.tools.clock.now()
        begun = time.monotonic()
        guardrails = context.settings.promote.guardrails
        result = places.located(stage.run(context), context.loaded.origins, guardrails)
        record = Record(
            schema_version=SCHEMA_VERSION,
            stage=stage.name,
            run=context.run.id,
            started_at=stamp(started),
            ended_at=stamp(context.tools.clock.now()),
            seconds=round(time.monotonic() - begun, 3),
            host=socket.gethostname(),
            inputs=inputs,
            input_digest=digest,
            tools=_versions(),
            result=msgspec.Raw(msgspec.json.encode(result)),
        )
    context.run.write(record)
    context.run.facts(facts.gather(context.run, context.settings))
    return record


def _versions() -> dict[str, str]:
    import platform

    return {"legion-ci": legion_ci.__version__, "python": platform.python_version(), "platform": platform.platform()}


def _guard(context: Context, stage: Stage) -> None:
    """A first model must be the first; under Jenkins nothing that must outlive the build may be in its workspace."""
    _guard_first(context, stage)
    _guard_branch(context, stage)
    workspace = Path(p) if (p := _workspace()) else None
    local = context.settings.store.tracking_uri is None or context.settings.store.tracking_uri.startswith(
        ("sqlite:", "file:")
    )
    if (
        workspace
        and stage.name in ("quality", "deploy", "promote")
        and local
        and context.site.path.is_relative_to(workspace.resolve())
    ):
        raise ConfigurationError(
            f"the site {context.site.path} is in Jenkins' workspace, which is fresh in every build",
            where=context.settings.site.origin or "site.path",
            todo="set site.path to a folder that stays",
        )


def _guard_first(context: Context, stage: Stage) -> None:
    trained = context.run.result("train") if stage.name in ("quality", "deploy", "promote") else None
    if not (context.first and context.champion and isinstance(trained, TrainResult)):
        return
    if trained.model.artefact.digest != context.champion.model.artefact.digest:
        raise ConfigurationError(
            f"there is a champion already: {context.champion.deployment}", where="--first", todo="leave --first out"
        )


def _guard_branch(context: Context, stage: Stage) -> None:
    if context.settings.site.branch and stage.name == "promote":
        raise ConfigurationError(
            f"the site of the branch {context.settings.site.branch} has no users to promote to",
            where=context.settings.site.origin or "site.branch",
            todo="promote from the main branch, without site.branch",
        )


def _workspace() -> str | None:
    import os

    return os.environ.get("WORKSPACE") if provenance.in_jenkins() else None
