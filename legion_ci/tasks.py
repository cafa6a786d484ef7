"""The invoke tasks: the one door for people and for Jenkins. Each body parses, calls one function, maps an exit code.

In a model repository, ``tasks.py`` is ``from legion_ci.tasks import namespace; ns = namespace(__name__)``.
Imports nothing but invoke and the standard library, so that ``--list`` and ``--help`` are immediate.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from legion_ci.declare import COMMON, FIRST, JSON, SETTINGS, call, declare

# Areas whose tasks have a name of two words (``token.issue``): each has a module ``legion_ci.<area>.tasks``.
AREAS: tuple[str, ...] = ("branch", "feedback", "gppi", "jenkins", "schedule", "token")


@declare(**COMMON)
def train(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, run_: str = "", verbose: bool = False
) -> None:
    """Train a model, log and register it in MLflow, write its artefact."""
    call("stage", name="train", settings=settings, sets=set_ or (), run=run_, verbose=verbose)


@declare(
    **COMMON,
    **FIRST,
    selftest="Instead: how often this gate is wrong on these rows, where the truth is known (quality.selftest).",
)
def quality(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    run_: str = "",
    first: bool = False,
    selftest: bool = False,
    verbose: bool = False,
) -> None:
    """Judge the trained model: good enough, and not worse than the live one?"""
    name = "quality-selftest" if selftest else "quality"
    call("stage", name=name, settings=settings, sets=set_ or (), run=run_, first=first, verbose=verbose)


@declare(**COMMON)
def package(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, run_: str = "", verbose: bool = False
) -> None:
    """Package the trained model with its locked requirements and our server."""
    call("stage", name="package", settings=settings, sets=set_ or (), run=run_, verbose=verbose)


@declare(**COMMON, **FIRST)
def deploy(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    run_: str = "",
    first: bool = False,
    verbose: bool = False,
) -> None:
    """Run the package beside the live model, at 0 % of the traffic, and run the acceptance tests."""
    call("stage", name="deploy", settings=settings, sets=set_ or (), run=run_, first=first, verbose=verbose)


@declare(
    **COMMON,
    sweep="Instead: find the highest rate that keeps the budgets (perf.sweep).",
    soak="Instead: a long load, and whether memory or latency grows (perf.soak).",
)
def perf(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    run_: str = "",
    sweep: bool = False,
    soak: bool = False,
    verbose: bool = False,
) -> None:
    """Load the new deployment with Locust and hold it to its budgets."""
    if sweep and soak:
        raise Exit("--sweep and --soak are two loads: say one of them", 2)
    name = "perf-sweep" if sweep else "perf-soak" if soak else "perf"
    call("stage", name=name, settings=settings, sets=set_ or (), run=run_, verbose=verbose)


@declare(
    **COMMON,
    **FIRST,
    once="Look once, whatever promote.in_build says; the Jenkins steps wait between looks.",
    plan="Instead: which loss each step can see within promote.patience; nothing moves.",
    units_per_hour="For --plan: users' units (default: as the last day's traffic).",
    errors="For --plan: the champion's share of errors (0.01).",
)
def promote(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    run_: str = "",
    first: bool = False,
    once: bool = False,
    plan: bool = False,
    units_per_hour: str = "",
    errors: str = "",
    verbose: bool = False,
) -> None:
    """Look at the evidence and move the traffic one step, hold, or roll back."""
    sets = set_ or ()
    if plan:
        numbers = {"units_per_hour": units_per_hour, "errors": errors}
        call("promote.plan:run", settings=settings, sets=sets, verbose=verbose, **numbers)
        return
    call("stage", name="promote", settings=settings, sets=sets, run=run_, first=first, once=once, verbose=verbose)


@declare(**COMMON, **FIRST)
def pipeline(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    run_: str = "",
    first: bool = False,
    verbose: bool = False,
) -> None:
    """Run all stages in order, skip what is unchanged, write the report."""
    call("pipeline", settings=settings, sets=set_ or (), run=run_, first=first, verbose=verbose)


@declare(**COMMON)
def report(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, run_: str = "", verbose: bool = False
) -> None:
    """Write the run's pages, pictures and JUnit files."""
    call("report", settings=settings, sets=set_ or (), run=run_, verbose=verbose)


@declare(**SETTINGS, **JSON)
def plan(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, json: bool = False, verbose: bool = False
) -> None:
    """Show the effective configuration, and where each value came from."""
    call("plan", settings=settings, sets=set_ or (), json=json, verbose=verbose)


@declare(
    folder="Where to (default: a folder of the model's name).",
    name="The model's name.",
    template="The template (sklearn).",
    interactive="Ask for what is not given.",
    force="Write into a folder that is not empty.",
    verbose=COMMON["verbose"],
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
    call("init", folder=folder, name=name, template=template, interactive=interactive, force=force, verbose=verbose)


@declare(**SETTINGS, **JSON)
def status(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, json: bool = False, verbose: bool = False
) -> None:
    """Show what should run, what runs, and who gets which share of the traffic."""
    call("status", settings=settings, sets=set_ or (), json=json, verbose=verbose)


@declare(**SETTINGS)
def up(context: Context, settings: str = "", set_: Sequence[str] | None = None, verbose: bool = False) -> None:
    """Bring back exactly what should run, with the same shares."""
    call("up", settings=settings, sets=set_ or (), verbose=verbose)


@declare(**SETTINGS, output="Write it into this file instead of printing it.")
def compose(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, output: str = "", verbose: bool = False
) -> None:
    """Write what is deployed (by deploy: docker) as a docker compose file."""
    call("compose", settings=settings, sets=set_ or (), output=output, verbose=verbose)


@declare(
    **SETTINGS,
    deployment="The deployment to remove.",
    all_="Stop everything here: models, gateway, supervisor; up brings it back.",
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
    call("undeploy", settings=settings, sets=set_ or (), deployment=deployment, everything=all_, verbose=verbose)


@declare(**SETTINGS)
def rollback(context: Context, settings: str = "", set_: Sequence[str] | None = None, verbose: bool = False) -> None:
    """Put the previous champion back, or end the running experiment, at once."""
    call("rollback", settings=settings, sets=set_ or (), verbose=verbose)


@declare(
    **SETTINGS,
    dry_run="Only show what would go.",
    registry="Also remove from their registry the images that only old runs have.",
)
def clean(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    dry_run: bool = False,
    registry: bool = False,
    verbose: bool = False,
) -> None:
    """Remove old runs, environments, layers and feedback; never what a live deployment needs."""
    call("clean", settings=settings, sets=set_ or (), dry_run=dry_run, registry=registry, verbose=verbose)


@declare(
    what="A request id, or (the start of) a digest, run, commit, build, deployment or version.", **SETTINGS, **JSON
)
def trace(
    context: Context,
    what: str,
    settings: str = "",
    set_: Sequence[str] | None = None,
    json: bool = False,
    verbose: bool = False,
) -> None:
    """Walk from a prediction to its model, data, code and build, or back from any of them."""
    call("trace.stage:trace", what=what, settings=settings, sets=tuple(set_ or ()), json=json, verbose=verbose)


@declare(one="The first run.", other="The second run.", **SETTINGS, **JSON)
def compare(
    context: Context,
    one: str,
    other: str,
    settings: str = "",
    set_: Sequence[str] | None = None,
    json: bool = False,
    verbose: bool = False,
) -> None:
    """Show parameters, metrics, data, code, packages, predictions and verdicts of two runs side by side."""
    sets = tuple(set_ or ())
    call("trace.stage:compare", one=one, other=other, settings=settings, sets=sets, json=json, verbose=verbose)


@declare(
    **COMMON,
    model="A model's folder, instead of the newest trained run of this repository.",
    port="The port on this machine (8080).",
    reload="Start again when the model's files change, or a newer run has trained.",
)
def serve(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    run_: str = "",
    model: str = "",
    port: str = "8080",
    reload: bool = False,
    verbose: bool = False,
) -> None:
    """Serve a trained model alone, for development, until Ctrl-C."""
    sets = tuple(set_ or ())
    call("serve:serve", model=model, port=port, reload=reload, settings=settings, sets=sets, run=run_, verbose=verbose)


@declare(
    name="Only the plug-ins of this name, with their settings.",
    group="Only trainers, packagers, deployers, data_sources, data_sinks or checks.",
    **JSON,
    verbose="Show tracebacks of errors.",
)
def integrations(context: Context, name: str = "", group: str = "", json: bool = False, verbose: bool = False) -> None:
    """List the installed plug-ins: what they are, where they come from, and their settings with their schema."""
    call("integrations.stage:show", name=name, group=group, json=json, verbose=verbose)


@declare(
    push="Push it: registry/name[:tag].",
    output="Write it as an OCI layout into this folder.",
    load="Load it into the Docker engine under this name.",
    credentials="For --push: env:NAME or file:PATH of user:password (default: Docker's configuration).",
    insecure="The registry speaks plain http.",
    verbose="Show tracebacks of errors.",
)
def base(
    context: Context,
    push: str = "",
    output: str = "",
    load: str = "",
    credentials: str = "",
    insecure: bool = False,
    verbose: bool = False,
) -> None:
    """Make the base image of docker-rest and docker-cli anew from Debian's newest packages."""
    call("base:base", push=push, output=output, load=load, credentials=credentials, insecure=insecure, verbose=verbose)


def ours() -> Collection:
    """Every task of ours, the areas' own below their names."""
    collection = Collection.from_module(sys.modules[__name__])
    for area in AREAS:
        collection.add_collection(Collection.from_module(importlib.import_module(f"legion_ci.{area}.tasks"), name=area))
    return collection


def namespace(caller: str) -> Collection:
    """Our tasks and the caller's own, for a model repository's ``tasks.py``; a clash of names is refused by name."""
    module = sys.modules[caller]
    all_ = ours()
    theirs = Collection.from_module(module, auto_dash_names=True)
    names = {*theirs.tasks, *theirs.collections}
    clashes = sorted(names & {*all_.tasks, *all_.collections})
    if clashes:
        raise Exit(f"{module.__file__}: legion-ci has tasks of the same name ({', '.join(clashes)}); rename yours", 2)
    for name, one in theirs.tasks.items():
        all_.add_task(one, name=name)
    for collection in theirs.collections.values():
        all_.add_collection(collection)
    return all_
