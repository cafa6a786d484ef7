"""The registry's aliases ``champion`` and ``challenger`` follow the gateway, which knows who gets the users."""

from __future__ import annotations

import contextlib

import msgspec

from legion_ci.core.errors import LegionError
from legion_ci.core.files import write_atomic
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.gateway import routes
from legion_ci.gateway.routes import Routes
from legion_ci.results import ModelRef
from legion_ci.settings.schema import StoreSettings

_NOTE = "aliases.json"  # what they name, so that an unchanged site asks no registry


def follow(site: Site, store: StoreSettings, tools: Tools) -> None:
    """Point them where they belong; a registry that is out of reach is told, and the next task tries again.

    The site of a branch has a registered model of its own, and no champion in it.
    """
    if site.branch or not site.routes.is_file():
        return
    wanted, note = named(routes.read(site)), site.path / _NOTE
    versions = {alias: model.version if model else "" for alias, model in wanted.items()}
    with contextlib.suppress(OSError, msgspec.DecodeError, msgspec.ValidationError):
        if msgspec.json.decode(note.read_bytes(), type=dict[str, str]) == versions:
            return
    try:
        from legion_ci.store.mlflow import Store

        registry = Store.open(site, store.tracking_uri, store.experiment)
        for alias, model in wanted.items():
            registry.point(alias, model)
    except LegionError as error:
        tools.progress.say(f"the registry's aliases do not follow yet: {error}")
        return
    write_atomic(note, msgspec.json.encode(versions))


def named(current: Routes) -> dict[str, ModelRef | None]:
    """Who is whom: the newest deployment that is neither the champion nor the one before it is the challenger."""
    others = [a for a in current.arms if a.deployment not in (current.champion, current.previous)]
    champion = current.arm(current.champion) if current.champion else None
    return {"champion": champion.model if champion else None, "challenger": others[-1].model if others else None}
