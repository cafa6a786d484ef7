"""The tasks ``branch.…``; imports nothing but invoke and the standard library."""

from __future__ import annotations

from collections.abc import Sequence

from invoke.context import Context

from legion_ci.declare import SETTINGS, call, declare


@declare(**SETTINGS)
def remove(context: Context, settings: str = "", set_: Sequence[str] | None = None, verbose: bool = False) -> None:
    """Remove the site of a branch (site.branch): its servers, gateway and files; nothing of the main site."""
    call("branch.stage:remove", settings=settings, sets=tuple(set_ or ()), verbose=verbose)
