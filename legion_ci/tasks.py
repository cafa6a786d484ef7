"""The invoke tasks: the one door for people and for Jenkins. Each body parses, calls one function, maps an exit code.

In a model repository, ``tasks.py`` is ``from legion_ci.tasks import namespace; ns = namespace(__name__)``.
Imports nothing but invoke and the standard library, so that ``--list`` and ``--help`` are immediate.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

_COMMON = {
    "settings": "The configuration file (default: legion.yaml in this folder).",
    "set_": "A setting for this call, like quality.alpha=0.01; may be given several times.",
    "run_": "The run to work in (default: LEGION_RUN, else the newest unfinished run).",
    "verbose": "Show tracebacks of errors.",
}
_FIRST = {"first": "This is the first model: there is no champion to compare with."}
_JSON = {"json": "Print JSON."}


def _task(**help_texts: str) -> Callable[[Callable[..., None]], Any]:
    def decorate(body: Callable[..., None]) -> Any:
        return task(help={**help_texts}, iterable=["set_"] if "set_" in help_texts else None, auto_shortflags=False)(
            body
        )

    return decorate


def _call(function: str, **options: Any) -> None:
    """Call ``legion_ci.door.<function>``; every error becomes its exit code, nothing shows a traceback unasked."""
    code = importlib.import_module("legion_ci.door").enter(function, options)
    sys.stdout.flush()
    if code:
        raise Exit(code=code)


@_task(**_COMMON)
def train(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, run_: str = "", verbose: bool = False
) -> None:
    """Train a model, log and register it in MLflow, write its artefact."""
    _call("stage", name="train", settings=settings, sets=set_ or (), run=run_, verbose=verbose)


@_task(**_COMMON, **_FIRST)
def quality(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    run_: str = "",
    first: bool = False,
    verbose: bool = False,
) -> None:
    """Judge the trained model: good enough, and not worse than the live one?"""
    _call("stage", name="quality", settings=settings, sets=set_ or (), run=run_, first=first, verbose=verbose)


@_task(**_COMMON)
def package(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, run_: str = "", verbose: bool = False
) -> None:
    """Package the trained model with its locked requirements and our server."""
    _call("stage", name="package", settings=settings, sets=set_ or (), run=run_, verbose=verbose)


@_task(**_COMMON, **_FIRST)
def deploy(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    run_: str = "",
    first: bool = False,
    verbose: bool = False,
) -> None:
    """Run the package beside the live model, at 0 % of the traffic, and run the acceptance tests."""
    _call("stage", name="deploy", settings=settings, sets=set_ or (), run=run_, first=first, verbose=verbose)


@_task(**_COMMON)
def perf(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, run_: str = "", verbose: bool = False
) -> None:
    """Load the new deployment with Locust and hold it to its budgets."""
    _call("stage", name="perf", settings=settings, sets=set_ or (), run=run_, verbose=verbose)


@_task(**_COMMON, **_FIRST)
def promote(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    run_: str = "",
    first: bool = False,
    verbose: bool = False,
) -> None:
    """Look at the evidence and move the traffic one step, hold, or roll back."""
    _call("stage", name="promote", settings=settings, sets=set_ or (), run=run_, first=first, verbose=verbose)


@_task(**_COMMON, **_FIRST)
def pipeline(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    run_: str = "",
    first: bool = False,
    verbose: bool = False,
) -> None:
    """Run all stages in order, skip what is unchanged, write the report."""
    _call("pipeline", settings=settings, sets=set_ or (), run=run_, first=first, verbose=verbose)


@_task(**_COMMON)
def report(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, run_: str = "", verbose: bool = False
) -> None:
    """Write the run's pages, pictures and JUnit files."""
    _call("report", settings=settings, sets=set_ or (), run=run_, verbose=verbose)


@_task(settings=_COMMON["settings"], set_=_COMMON["set_"], verbose=_COMMON["verbose"], **_JSON)
def plan(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, json: bool = False, verbose: bool = False
) -> None:
    """Show the effective configuration, and where each value came from."""
    _call("plan", settings=settings, sets=set_ or (), json=json, verbose=verbose)


@_task(
    folder="Where to (default: a folder of the model's name).",
    name="The model's name.",
    template="The template (sklearn).",
    interactive="Ask for what is not given.",
    force="Write into a folder that is not empty.",
    verbose=_COMMON["verbose"],
)
def init(
    context: Context,
    folder: str = "",
    name: str = "",
    template: str = "sklearn",
    interactive: bool = False,
    force: bool = False,
    verbose: bool = False,
) -> None:
    """Make a new model repository from a template."""
    _call("init", folder=folder, name=name, template=template, interactive=interactive, force=force, verbose=verbose)


@_task(settings=_COMMON["settings"], set_=_COMMON["set_"], verbose=_COMMON["verbose"], **_JSON)
def status(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, json: bool = False, verbose: bool = False
) -> None:
    """Show what should run, what runs, and who gets which share of the traffic."""
    _call("status", settings=settings, sets=set_ or (), json=json, verbose=verbose)


@_task(settings=_COMMON["settings"], set_=_COMMON["set_"], verbose=_COMMON["verbose"])
def up(context: Context, settings: str = "", set_: Sequence[str] | None = None, verbose: bool = False) -> None:
    """Bring back exactly what should run, with the same shares."""
    _call("up", settings=settings, sets=set_ or (), verbose=verbose)


@_task(
    settings=_COMMON["settings"],
    set_=_COMMON["set_"],
    deployment="The deployment to remove.",
    all_="Stop everything here: models, gateway, supervisor; up brings it back.",
    verbose=_COMMON["verbose"],
)
def undeploy(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    deployment: str = "",
    all_: bool = False,
    verbose: bool = False,
) -> None:
    """Remove a deployment, or everything."""
    _call("undeploy", settings=settings, sets=set_ or (), deployment=deployment, everything=all_, verbose=verbose)


@_task(settings=_COMMON["settings"], set_=_COMMON["set_"], verbose=_COMMON["verbose"])
def rollback(context: Context, settings: str = "", set_: Sequence[str] | None = None, verbose: bool = False) -> None:
    """Put the previous champion back, or end the running experiment, at once."""
    _call("rollback", settings=settings, sets=set_ or (), verbose=verbose)


@_task(
    settings=_COMMON["settings"], set_=_COMMON["set_"], dry_run="Only show what would go.", verbose=_COMMON["verbose"]
)
def clean(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    dry_run: bool = False,
    verbose: bool = False,
) -> None:
    """Remove old runs, environments and feedback; never what a live deployment needs."""
    _call("clean", settings=settings, sets=set_ or (), dry_run=dry_run, verbose=verbose)


def namespace(caller: str) -> Collection:
    """Our tasks and the caller's own, for a model repository's ``tasks.py``; a clash of names is refused by name."""
    module = sys.modules[caller]
    ours = Collection.from_module(sys.modules[__name__])
    theirs = Collection.from_module(module, auto_dash_names=True)
    clashes = sorted(set(ours.tasks) & set(theirs.tasks))
    if clashes:
        raise Exit(f"{module.__file__}: legion-ci has tasks of the same name ({', '.join(clashes)}); rename yours", 2)
    for name, one in theirs.tasks.items():
        ours.add_task(one, name=name)
    for collection in theirs.collections.values():
        ours.add_collection(collection)
    return ours
