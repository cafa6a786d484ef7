"""The tasks ``schedule.…``; imports nothing but invoke and the standard library."""

from __future__ import annotations

from collections.abc import Sequence

from invoke.context import Context

from legion_ci.declare import COMMON, JSON, SETTINGS, call, declare


@declare(**COMMON, **JSON, start="A retraining begins now, if one is due: cool-down and budget count it.")
def due(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    run_: str = "",
    start: bool = False,
    json: bool = False,
    verbose: bool = False,
) -> None:
    """Say whether a retraining is due, and why: drift, decay, new rows, cool-down, budget (schedule)."""
    call("schedule.stage:due", settings=settings, sets=set_ or (), run=run_, start=start, json=json, verbose=verbose)


@declare(**SETTINGS)
def cron(context: Context, settings: str = "", set_: Sequence[str] | None = None, verbose: bool = False) -> None:
    """Print when a Jenkins job asks whether a retraining is due; nothing without a schedule."""
    call("schedule.stage:cron", settings=settings, sets=set_ or (), verbose=verbose)


@declare(**SETTINGS)
def resume(context: Context, settings: str = "", set_: Sequence[str] | None = None, verbose: bool = False) -> None:
    """Bring the records of the promotion that waits into this folder, and print their run; nothing when none waits."""
    call("schedule.stage:resume", settings=settings, sets=set_ or (), verbose=verbose)
