"""The headers that say what a request is for; the gateway strips a purpose that it did not issue."""

from __future__ import annotations

from pathlib import Path

from legion_ci.core.site import Site
from legion_ci.perf.plan import Plan

HEADERS = "LEGION_PERF_HEADERS"  # environment variable: a JSON object; never a file, as it may hold a token
MARK = {"x-legion-purpose": "perf"}  # for a server that is asked without a gateway
SIGNED = "legion-purpose"
_ROOM_S = 900.0  # until the load starts, and after its end


def purpose(plan: Plan) -> dict[str, str]:
    """The mark of a load and, where there is a site, its signature, which lives as long as the load."""
    if not plan.site:
        return dict(MARK)
    from legion_ci.gateway.purpose import sign

    signed = sign(Site(Path(plan.site), plan.model), "perf", lifetime_s=plan.duration_s + plan.drain_s + _ROOM_S)
    return {**MARK, SIGNED: signed}
