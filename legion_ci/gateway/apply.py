"""Changes of the routes that take effect: the document, then Envoy's files, then wait until Envoy works by them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import yaml

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import write_atomic
from legion_ci.core.lock import locked
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.gateway import admin, keys, revoked, routes, settings
from legion_ci.gateway.auth import Trust
from legion_ci.gateway.document import Node, discovery, version_of
from legion_ci.gateway.render import AUTH, BOOTSTRAP, CLUSTERS, ROUTES, TLS, render
from legion_ci.gateway.routes import Routes
from legion_ci.gateway.settings import GatewaySettings

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def change(
    site: Site,
    edit: Callable[[Routes], Routes],
    *,
    tools: Tools,
    expected_revision: int | None = None,
    may_be_down: bool = False,
) -> Routes:
    """Change the routes (compare-and-set, see ``routes.change``) and return when the traffic follows them.

    Raises ServiceError when Envoy does not run or does not follow: the document is changed then, and ``sync`` (or
    the next change, or ``legion-ci up``) puts it in force. may_be_down: an Envoy that does not run is no error.
    """
    routes.change(site, edit, expected_revision=expected_revision)
    if may_be_down and not admin.answers(site):
        return write(site)
    return sync(site, tools=tools)


def sync(site: Site, *, tools: Tools) -> Routes:
    """Put the document in force, whatever was interrupted before; the routes that are in force now."""
    with locked(site.locks / "gateway.lock"):
        current, known = routes.read(site), settings.read(site)
        if known is not None:
            with tools.progress.waiting("the gateway"):
                _put(site, _render(site, current, known), guarded=known.auth is not None)
        return current


def in_force(site: Site) -> bool:
    """Whether Envoy works by the document as it is; false when it does not run, or after a crash between the two."""
    known = settings.read(site)
    if known is None:
        return False
    files = _render(site, routes.read(site), known)
    return all(admin.works_by(site, name, version_of(files[name])) for name in (AUTH, CLUSTERS, ROUTES))


def write(site: Site) -> Routes:
    """Write Envoy's files before it is started (or while it is down), without waiting for anybody."""
    with locked(site.locks / "gateway.lock"):
        current, known = routes.read(site), settings.read(site)
        files = _render(site, current, known) if known is not None else {}
        for name in files:
            write_atomic(site.gateway / name, files[name])
        return current


def bootstrap_differs(site: Site) -> bool:
    """Whether Envoy has to be started anew to work by the settings."""
    known, path = settings.read(site), site.gateway / BOOTSTRAP
    return known is not None and not (path.is_file() and path.read_text() == _render(site, Routes(), known)[BOOTSTRAP])


def _render(site: Site, current: Routes, known: GatewaySettings) -> dict[str, str]:
    return render(
        current,
        listen=known.listen,
        port=known.port,
        unit_header=known.unit_header,
        trust=_trust(site, known),
        secure=known.secure,
        rate=known.rate,
    )


def _trust(site: Site, known: GatewaySettings) -> Trust:
    own = keys.public(keys.ensure(site))
    told = known.auth.jwks if known.auth and not known.auth.url else ""
    return Trust(site_keys=own, auth=known.auth, user_keys=_key_set(told) if told else own, revoked=revoked.read(site))


def _key_set(path: str) -> str:
    """The user's JSON Web Key Set; refused here, as Envoy would take a broken one and accept nobody."""
    try:
        text = Path(path).read_text()
        if not json.loads(text)["keys"]:
            raise ValueError("no keys")
    except (OSError, ValueError, KeyError, TypeError) as error:
        todo = 'give a file {"keys": […]} of public keys, or a URL'
        raise ConfigurationError(f"is not a JSON Web Key Set ({error})", where=path, todo=todo) from error
    return text


def _put(site: Site, files: dict[str, str], *, guarded: bool) -> None:
    """Clusters before the routes that name them, and old clusters until no route names them any more."""
    known = admin.works_by(site, CLUSTERS, version_of(files[CLUSTERS]))  # a change of shares leaves them as they are
    if not known:
        _step(site, CLUSTERS, _with_old(site, files[CLUSTERS]))
    for name in (AUTH, ROUTES) if guarded else (ROUTES, AUTH):  # no route may ask for what is not there
        _step(site, name, files[name])
    if not known:
        _step(site, CLUSTERS, files[CLUSTERS])
    if TLS in files and not _holds(site, TLS, files[TLS]):
        write_atomic(site.gateway / TLS, files[TLS])


def _holds(site: Site, name: str, text: str) -> bool:
    path = site.gateway / name
    return path.is_file() and path.read_text() == text


def _step(site: Site, name: str, text: str) -> None:
    admin.put(site, name, version_of(text), lambda: write_atomic(site.gateway / name, text))


def _with_old(site: Site, text: str) -> str:
    """``text`` and behind its clusters those of the present file that are not in it."""
    new = _resources(text)
    names = {cluster["name"] for cluster in new}
    path = site.gateway / CLUSTERS
    present = _resources(path.read_text()) if path.is_file() else []
    old = [cluster for cluster in present if cluster["name"] not in names]
    if not old:
        return text
    bare = [{key: value for key, value in cluster.items() if key != "@type"} for cluster in [*new, *old]]
    return discovery("config.cluster.v3.Cluster", bare, 0)


def _resources(text: str) -> list[Node]:
    loaded: dict[str, list[Node]] = yaml.load(text, _Loader)  # noqa: S506 - a safe loader, the fast one if there is one
    return loaded["resources"]
