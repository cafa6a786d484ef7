"""The stages in order, and the one place that reads their inputs, times them, reuses or writes their records."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

import legion_ci
from legion_ci import facts, places, provenance
from legion_ci.context import Context
from legion_ci.core.clock import stamp
from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import digest_bytes, digest_file, digest_pairs
from legion_ci.results import (
    SCHEMA_VERSION,
    DeployResult,
    PackageResult,
    PerfResult,
    QualityResult,
    Record,
    StageResult,
    TrainResult,
    Verdict,
    decode_result,
)
from legion_ci.runs import find
from legion_ci.settings.schema import Section

if TYPE_CHECKING:
    from legion_ci.perf.duel.stage import Arms

Digests = dict[str, str]


@dataclass(frozen=True)
class Stage:
    """One stage: its inputs' digests, its call, and whether an earlier record of equal inputs may stand for it."""

    name: str
    run: Callable[[Context], StageResult]
    inputs: Callable[[Context], Digests]
    reusable: Callable[[Context, Record], bool] = lambda context, record: True


def _section(section: Section) -> str:
    return digest_bytes(section.model_dump_json().encode())


def _train(c: Context) -> StageResult:
    from legion_ci.train import stage

    s, found = c.settings, provenance.look(c.loaded.folder, c.tools.shell)
    digests = stage.inputs(s.train, s.data, c.loaded.folder)
    origin = msgspec.structs.replace(
        found,
        code=digests["code"],
        settings=_section(s.train),
        data={k.removeprefix("data."): v for k, v in digests.items() if k.startswith("data.")},
    )
    return stage.run(
        s.train,
        s.data,
        model=s.model,
        store=s.store,
        folder=c.loaded.folder,
        work=c.run.folder,
        site=c.site,
        provenance=origin,
        find_links=s.distribution.find_links,
        tools=c.tools,
    )


def _train_inputs(c: Context) -> Digests:
    from legion_ci.train import stage

    s = c.settings
    data = {f"settings.data.{n}": _section(d) for n, d in stage.training_data(s.data).items()}
    return {
        "settings.train": _section(s.train),
        "settings.model": _section(s.model),
        "settings.store": _section(s.store),
        "site": digest_bytes(str(c.site.path).encode()),
        **data,
        **stage.inputs(s.train, s.data, c.loaded.folder),
    }


def _reachable(c: Context, record: Record) -> bool:
    from legion_ci.store.artefacts import local_path

    result = decode_result(record.stage, record)
    made = result.package if isinstance(result, PackageResult) else cast(TrainResult, result).model.artefact
    path = local_path(made.uri)
    return path is None or path.is_dir()


def _quality(c: Context) -> StageResult:
    from legion_ci.quality import stage

    return stage.run(
        c.settings.quality,
        c.settings.data,
        trained=c.need("train", "quality"),
        champion=c.champion,
        first=c.first,
        folder=c.loaded.folder,
        work=c.run.folder,
        tools=c.tools,
        find_links=c.settings.distribution.find_links,
    )


def _quality_selftest(c: Context) -> StageResult:
    from legion_ci.quality.selftest import stage

    return stage.run(
        c.settings.quality,
        c.settings.data,
        trained=c.need("train", "quality"),
        champion=c.champion,
        first=c.first,
        folder=c.loaded.folder,
        work=c.run.folder,
        tools=c.tools,
        find_links=c.settings.distribution.find_links,
    )


def _quality_inputs(c: Context) -> Digests:
    from legion_ci.data import source

    data = c.settings.data.get("eval")
    rows = (
        {"settings.data.eval": _section(data), "data.eval": source.open_source("eval", data, c.loaded.folder).digest()}
        if data
        else {}
    )
    return {
        "settings.quality": _section(c.settings.quality),
        "first": str(c.first),
        **rows,
        "candidate": c.need("train", "quality").model.artefact.digest,
        "champion": c.champion.model.artefact.digest if c.champion else "none",
        **_check_inputs(c),
    }


def _check_inputs(c: Context) -> Digests:
    """What checks read besides data and models: files of pinned rows, the repository's own functions."""
    from legion_ci.train import stage

    checks, folder = c.settings.quality.checks, c.loaded.folder
    files = {
        f"checks[{i}].{p.name}": digest_file(p) for i, k in enumerate(checks) for p in k.files(folder) if p.is_file()
    }
    code = (
        {"code": stage.inputs(c.settings.train, c.settings.data, folder)["code"]}
        if any(k.reads_code for k in checks)
        else {}
    )
    return {**files, **code}


def _timeless(c: Context, record: Record) -> bool:
    """A verdict on how fresh the rows are does not keep."""
    return not any(k.reads_clock for k in c.settings.quality.checks)


def _package(c: Context) -> StageResult:
    from legion_ci.package import stage

    c.need("quality", "package")
    return stage.run(
        c.settings.package,
        trained=c.need("train", "package"),
        work=c.run.folder,
        tools=c.tools,
        find_links=c.settings.distribution.find_links,
    )


def _package_inputs(c: Context) -> Digests:
    from legion_ci.core import wheel

    c.need("quality", "package")
    return {
        "settings.package": _section(c.settings.package),
        "artefact": c.need("train", "package").model.artefact.digest,
        "wheel": wheel.digest(),
    }


def _deploy(c: Context) -> StageResult:
    from legion_ci.deploy import stage

    c.need("quality", "deploy")
    return stage.run(
        c.settings.deploy,
        packaged=c.need("package", "deploy"),
        trained=c.need("train", "deploy"),
        site=c.site,
        folder=c.loaded.folder,
        work=c.run.folder,
        first=c.first,
        tools=c.tools,
        find_links=c.settings.distribution.find_links,
    )


def _deploy_inputs(c: Context) -> Digests:
    return {"settings.deploy": _section(c.settings.deploy), "package": c.need("package", "deploy").package.digest}


def _perf(c: Context) -> StageResult:
    from legion_ci.perf import stage, trend
    from legion_ci.store import artefacts

    trained: TrainResult = c.need("train", "perf")
    sample = artefacts.fetch(trained.model.artefact, c.tools) / "legion_model" / "head_input.json"
    said = stage.run(
        c.settings.perf,
        deployed=c.need("deploy", "perf"),
        trained=trained,
        sample=sample,
        folder=c.loaded.folder,
        work=c.run.folder,
        tools=c.tools,
        opponents=lambda: _opponents(c),
        package=c.need("package", "perf").package.digest,
    )
    now, version = stamp(c.tools.clock.now()), trained.model.version
    return trend.watched(said, c.site.path / "perf" / "trend.jsonl", c.run.id, now, version)


@contextmanager
def _opponents(c: Context) -> Iterator[Arms | None]:
    """Both arms of a duel: copies of the deployment and of the champion, or by setting the live ones."""
    from legion_ci.deploy import copies
    from legion_ci.perf.duel.stage import Arms

    deployed: DeployResult = c.need("deploy", "perf")
    duel, champion = c.settings.perf.duel, c.champion
    if duel is None or champion is None or champion.deployment == deployed.deployment:
        yield None
    elif duel.live:
        yield Arms(deployed.direct_url, f"{deployed.url}/model/{champion.deployment}", champion.deployment, live=True)
    else:
        names = (deployed.deployment, champion.deployment)
        with copies.started(c.site, names, c.tools, c.settings.distribution.find_links) as urls:
            yield Arms(urls[names[0]], urls[names[1]], champion.deployment)


def _perf_inputs(c: Context) -> Digests:
    from legion_ci.perf.fingerprint import fingerprint

    deployed: DeployResult = c.need("deploy", "perf")
    locustfile = c.loaded.folder / (c.settings.perf.locustfile or "locustfile.py")
    given = {"data": c.settings.perf.data, "trace": c.settings.perf.trace}
    named = {"locustfile": locustfile, **{k: c.loaded.folder / v for k, v in given.items() if v}}
    files = {name: digest_file(path) for name, path in named.items() if path and path.is_file()}
    return {
        "settings.perf": _section(c.settings.perf),
        "settings.deploy": _section(c.settings.deploy),
        "artefact": deployed.model.artefact.digest,
        "champion": c.champion.model.artefact.digest if c.champion and c.settings.perf.duel else "not asked",
        "host": socket.gethostname(),
        "machine": digest_bytes(repr(sorted(fingerprint().items())).encode()),
        **files,
    }


def _still_valid(c: Context, record: Record) -> bool:
    from datetime import datetime

    if decode_result(record.stage, record).verdict is Verdict.INCONCLUSIVE:
        return False  # measured again: another moment may be quieter
    age_s = (c.tools.clock.now() - datetime.fromisoformat(record.ended_at)).total_seconds()
    return age_s < c.settings.perf.valid_for


def _perf_sweep(c: Context) -> StageResult:
    from legion_ci.perf.sweep import stage

    return stage.run(c.settings.perf, **_perf_study(c), served=lambda workers: _served(c, workers))


def _perf_soak(c: Context) -> StageResult:
    from legion_ci.perf.soak import stage

    return stage.run(c.settings.perf, **_perf_study(c))


def _perf_study(c: Context) -> dict[str, Any]:
    from legion_ci.store import artefacts

    trained: TrainResult = c.need("train", "perf")
    sample = artefacts.fetch(trained.model.artefact, c.tools) / "legion_model" / "head_input.json"
    return {
        "deployed": c.need("deploy", "perf"),
        "sample": sample,
        "folder": c.loaded.folder,
        "work": c.run.folder,
        "tools": c.tools,
    }


@contextmanager
def _served(c: Context, workers: int) -> Iterator[str]:
    """A copy of the deployment with that many server processes."""
    from legion_ci.deploy import copies

    name = c.need("deploy", "perf").deployment
    with copies.started(c.site, (name,), c.tools, c.settings.distribution.find_links, workers=workers) as urls:
        yield urls[name]


def _promote(c: Context) -> StageResult:
    from legion_ci.promote import stage

    quality: QualityResult = c.need("quality", "promote")
    perf: PerfResult = c.need("perf", "promote")
    return stage.run(
        c.settings.promote,
        quality=quality,
        perf=perf,
        deployed=c.need("deploy", "promote"),
        site=c.site,
        work=c.run.folder,
        first=c.first,
        tools=c.tools,
    )


def _promote_inputs(c: Context) -> Digests:
    return {
        "settings.promote": _section(c.settings.promote),
        "deployment": digest_bytes(c.need("deploy", "promote").deployment.encode()),
    }


def _never(c: Context, record: Record) -> bool:
    return False


PIPELINE = (
    Stage("train", _train, _train_inputs, _reachable),
    Stage("quality", _quality, _quality_inputs, _timeless),
    Stage("package", _package, _package_inputs, _reachable),
    Stage("deploy", _deploy, _deploy_inputs, _never),
    Stage("perf", _perf, _perf_inputs, _still_valid),
    Stage("promote", _promote, _promote_inputs, _never),
)


# By an option of a stage's task; always run anew, and no part of the pipeline.
STUDIES = (
    Stage("quality-selftest", _quality_selftest, _quality_inputs, _never),
    Stage("perf-sweep", _perf_sweep, _perf_inputs, _never),
    Stage("perf-soak", _perf_soak, _perf_inputs, _never),
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
    context.run.facts(facts.gather(context.run))
    return record


def _versions() -> dict[str, str]:
    import platform

    return {"legion-ci": legion_ci.__version__, "python": platform.python_version(), "platform": platform.platform()}


def _guard(context: Context, stage: Stage) -> None:
    """A first model must be the first; under Jenkins nothing that must outlive the build may be in its workspace."""
    _guard_first(context, stage)
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


def _workspace() -> str | None:
    import os

    return os.environ.get("WORKSPACE") if provenance.in_jenkins() else None
