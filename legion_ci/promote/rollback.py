"""Rollback at once, from anywhere, whatever else is going on."""

from __future__ import annotations

from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.gateway import apply
from legion_ci.gateway.routes import Routes
from legion_ci.promote import traffic


def rollback(site: Site, tools: Tools) -> Routes:
    """End the running experiment (its challengers to 0 %), else put the previous champion back at 100 %.

    Takes no part in promotion's exclusion: a look that is going on finds the routes changed and moves nothing. Raises
    OrderError when there is nothing to roll back to.
    """
    return apply.change(site, traffic.undo, tools=tools)
