"""How ``perf``, its duel, its sweep and its soak are called."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from legion_ci.calls.digests import Digests, of_section
from legion_ci.context import Context
from legion_ci.core.clock import stamp
from legion_ci.core.files import digest_bytes, digest_file
from legion_ci.results import (
    DeployResult,
    Record,
    StageResult,
    TrainResult,
    Verdict,
    decode_result,
)
from legion_ci.settings.schema import PerfSettings

if TYPE_CHECKING:
    from legion_ci.perf.duel.stage import Arms


def run(c: Context) -> StageResult:
    """Call the stage."""
    from legion_ci.perf import stage, trend
    from legion_ci.store import artefacts

    trained: TrainResult = c.need("train", "perf")
    sample = artefacts.fetch(trained.model.artefact, c.tools) / "legion_model" / "head_input.json"
    said = stage.run(
        _settings(c),
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


def _settings(c: Context) -> PerfSettings:
    """With a token where the deployment asks for one; another host than ours is never shown it."""
    from legion_ci.gateway import tokens

    told = c.settings.perf
    if told.token is not None or told.host is not None:
        return told
    return told.model_copy(update={"token": tokens.kept_for_tools(c.site, c.settings.deploy.auth, c.tools.secrets)})


@contextmanager
def _opponents(c: Context) -> Iterator[Arms | None]:
    """Both arms of a duel: copies of the deployment and of the champion, or by setting the live ones."""
    from legion_ci.deploy import copies
    from legion_ci.perf.duel.stage import Arms

    deployed: DeployResult = c.need("deploy", "perf")
    duel, champion = c.settings.perf.duel, c.champion
    if duel is None or champion is None or c.settings.site.branch or champion.deployment == deployed.deployment:
        yield None
    elif duel.live:
        yield Arms(deployed.direct_url, f"{deployed.url}/model/{champion.deployment}", champion.deployment, live=True)
    else:
        names = (deployed.deployment, champion.deployment)
        with copies.started(c.site, names, c.tools, c.settings.distribution.find_links) as urls:
            yield Arms(urls[names[0]], urls[names[1]], champion.deployment)


def inputs(c: Context) -> Digests:
    """Digests of everything that its result depends on."""
    from legion_ci.perf.fingerprint import fingerprint

    deployed: DeployResult = c.need("deploy", "perf")
    locustfile = c.loaded.folder / (c.settings.perf.locustfile or "locustfile.py")
    given = {"data": c.settings.perf.data, "trace": c.settings.perf.trace}
    named = {"locustfile": locustfile, **{k: c.loaded.folder / v for k, v in given.items() if v}}
    files = {name: digest_file(path) for name, path in named.items() if path and path.is_file()}
    return {
        "settings.perf": of_section(c.settings.perf),
        "settings.deploy": of_section(c.settings.deploy),
        "artefact": deployed.model.artefact.digest,
        "champion": c.champion.model.artefact.digest if c.champion and c.settings.perf.duel else "not asked",
        "host": socket.gethostname(),
        "machine": digest_bytes(repr(sorted(fingerprint().items())).encode()),
        **files,
    }


def reusable(c: Context, record: Record) -> bool:
    """Whether an earlier record of equal inputs may stand for a new run."""
    from datetime import datetime

    if decode_result(record.stage, record).verdict is Verdict.INCONCLUSIVE:
        return False  # measured again: another moment may be quieter
    age_s = (c.tools.clock.now() - datetime.fromisoformat(record.ended_at)).total_seconds()
    return age_s < c.settings.perf.valid_for


def sweep(c: Context) -> StageResult:
    """Call the sweep."""
    from legion_ci.perf.sweep import stage

    return stage.run(_settings(c), **_study(c), served=lambda workers: _served(c, workers))


def soak(c: Context) -> StageResult:
    """Call the soak."""
    from legion_ci.deploy import deployers
    from legion_ci.perf.soak import stage

    pid = deployers.pid_of(c.site, c.need("deploy", "perf").deployment, c.tools)
    return stage.run(_settings(c), **_study(c), pid=pid)


def _study(c: Context) -> dict[str, Any]:
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
