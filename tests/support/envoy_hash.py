"""Envoy's choice of an arm, computed here: what a million units would get without a million requests."""

from __future__ import annotations

from collections.abc import Iterable

import xxhash

from legion_ci.gateway.routes import Routes


def arm_of(routes: Routes, unit: str) -> str:
    """The deployment of a unit: xxHash64 of the salted unit, modulo the sum of all widths, along the segments."""
    at = xxhash.xxh64_intdigest(f"{routes.experiment}:{unit}".encode()) % sum(s.width for s in routes.segments)
    for segment in routes.segments:
        if at < segment.width:
            return segment.deployment
        at -= segment.width
    raise AssertionError("the widths do not add up")


def arms_of(routes: Routes, units: Iterable[str]) -> dict[str, str]:
    """Unit -> deployment."""
    return {unit: arm_of(routes, unit) for unit in units}
