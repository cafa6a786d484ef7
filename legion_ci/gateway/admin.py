"""Envoy's administration, asked over the socket file in the site's gateway folder."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable

from legion_ci.core.errors import ServiceError
from legion_ci.core.site import Site
from legion_ci.gateway import settings
from legion_ci.gateway.auth import JWT
from legion_ci.gateway.render import ADMIN_SOCKET, AUTH, CLUSTERS, ROUTES
from legion_ci.gateway.split import NAME
from legion_ci.supervise import probe

_LOOK_S = 0.01
_PATIENCE_S = 60.0  # a thousand deployments at once take Envoy some ten seconds
_STATS = {
    ROUTES: f"http.main.rds.{NAME}.",
    CLUSTERS: "cluster_manager.cds.",
    AUTH: f"extension_config_discovery.http_filter.{JWT}.",
}
_REFUSALS = ("update_rejected", "update_failure")
_WARMING = "cluster_manager.warming_clusters"


def ready_url(site: Site) -> str:
    """Says whether Envoy has its configuration and listens."""
    return probe.unix_url((site.gateway / ADMIN_SOCKET).resolve(), "/ready")


def answers(site: Site) -> bool:
    """Whether an Envoy runs for this site."""
    return probe.healthy(ready_url(site), timeout_s=2.0)


def works_by(site: Site, file: str, version: str) -> bool:
    """Whether Envoy runs and works by that version of a discovery file."""
    try:
        return _works_by(_facts(site), file, version)
    except ServiceError:
        return False


def put(site: Site, file: str, version: str, write: Callable[[], None], patience_s: float = _PATIENCE_S) -> None:
    """Have Envoy work by ``version`` of a discovery file, which ``write`` puts in place by rename.

    Nothing is written when Envoy works by it already. Raises ServiceError when Envoy does not run, refuses the file
    (and goes on as before), or does not take it in time.
    """
    end = time.monotonic() + patience_s
    facts = _facts(site)
    while not facts and time.monotonic() < end:
        facts = _facts(site)
    if _works_by(facts, file, version):
        return
    write()
    before = _refusals(facts, file)
    while not _works_by(facts := _facts(site), file, version):
        if facts and _refusals(facts, file) != before:
            raise _refusal(site, file, "was refused by Envoy; the old routes are still in force")
        if time.monotonic() > end:
            raise _refusal(site, file, f"was not taken by Envoy within {patience_s:g} s")
        time.sleep(_LOOK_S)


def _works_by(facts: dict[str, str], file: str, version: str) -> bool:
    return facts.get(_STATS[file] + "version_text") == version and facts.get(_WARMING, "0") == "0"


def _refusals(facts: dict[str, str], file: str) -> list[str]:
    return [facts.get(_STATS[file] + name, "0") for name in _REFUSALS]


def _refusal(site: Site, file: str, what: str) -> ServiceError:
    known = settings.read(site)
    return ServiceError(what, where=str(site.gateway / file), todo=f"see {known.log if known else 'its log'}")


def _facts(site: Site) -> dict[str, str]:
    """Envoy's versions and counters, by name; empty when it lives and is too busy to answer."""
    names = [prefix + name for prefix in _STATS.values() for name in ("version_text", *_REFUSALS)]
    wanted = "|".join([*names, _WARMING])
    url = probe.unix_url((site.gateway / ADMIN_SOCKET).resolve(), f"/stats?filter=^({wanted})$")
    try:
        _, body = probe.fetch(url)
    except TimeoutError:
        return {}  # it lives and is busy with what it was given
    except (OSError, http.client.HTTPException) as error:
        raise ServiceError(
            f"the gateway cannot be reached ({error})",
            where=str(site.gateway),
            todo="run legion-ci up; the routes are kept and in force from then on",
        ) from error
    lines = re.findall(r'^([\w.]+): "?(.*?)"?$', body.decode(), re.MULTILINE)
    return dict(lines)
