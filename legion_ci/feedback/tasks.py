"""The tasks ``feedback.…``; imports nothing but invoke and the standard library."""

from __future__ import annotations

from collections.abc import Sequence

from invoke.context import Context

from legion_ci.declare import JSON, SETTINGS, call, declare

_SELECTION = {
    "model_version": "Only of this version of the model.",
    "since": "From this day on (like 2026-11-21, in UTC), or for this long until now (like 7d).",
    "until": "Up to and with this day, in UTC.",
}
_OUTPUT = {
    "output": "Write into this file (default: standard output).",
    "format_": "jsonl, csv or parquet (default: by the file's ending, else jsonl).",
}


@declare(**SETTINGS, **JSON, **_SELECTION)
def list(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, model_version: str = "", since: str = "",
    until: str = "", json: bool = False, verbose: bool = False,
) -> None:  # fmt: skip
    """Show what is stored of requests and outcomes, by version and day."""
    call("feedback.listing:show", settings=settings, sets=set_ or (), model_version=model_version, since=since, until=until,
         json=json, verbose=verbose)  # fmt: skip


@declare(**SETTINGS, **_SELECTION, **_OUTPUT, what="requests, answers or outcomes (default: requests).")
def export(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, what: str = "requests", model_version: str = "",
    since: str = "", until: str = "", output: str = "", format_: str = "", verbose: bool = False,
) -> None:  # fmt: skip
    """Copy stored events out, as JSON lines, CSV or Parquet."""
    call("feedback.export:events_out", settings=settings, sets=set_ or (), what=what, model_version=model_version, since=since,
         until=until, output=output, format_=format_, verbose=verbose)  # fmt: skip


@declare(**SETTINGS, unit="Whose rows: the value of deploy.unit_header, or a request id where there was none.")
def delete(
    context: Context, unit: str, settings: str = "", set_: Sequence[str] | None = None, verbose: bool = False
) -> None:
    """Remove everything stored about one subject, and look again that nothing is left."""
    call("feedback.deletion:run", settings=settings, sets=set_ or (), unit=unit, verbose=verbose)


@declare(
    **SETTINGS, **JSON, **_SELECTION, **_OUTPUT,
    outcome="The payload's field (default: promote.outcome).",
    experiment="Only of this experiment (default: all live requests).",
    window="How long after a request its outcome counts (default: promote.window).",
)  # fmt: skip
def join(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, outcome: str = "", experiment: str = "",
    window: str = "", model_version: str = "", since: str = "", until: str = "", output: str = "", format_: str = "",
    json: bool = False, verbose: bool = False,
) -> None:  # fmt: skip
    """Join answers with outcomes: coverage and time to outcome by arm; with --output also the joined rows."""
    call("feedback.coverage:show", settings=settings, sets=set_ or (), outcome=outcome, experiment=experiment,
         window=window, model_version=model_version, since=since, until=until, output=output, format_=format_, json=json,
         verbose=verbose)  # fmt: skip
