"""The tasks ``jenkins.…``; imports nothing but invoke and the standard library."""

from __future__ import annotations

from collections.abc import Sequence

from invoke.context import Context

from legion_ci.declare import JSON, SETTINGS, call, declare

_BRANCH = {"branch": "The branch (default: jenkins.branch)."}


@declare(
    **SETTINGS,
    write="Write Job DSL, Configuration-as-Code and config.xml into this folder instead.",
    dry_run="Only show what would change.",
)
def job(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    write: str = "",
    dry_run: bool = False,
    verbose: bool = False,
) -> None:
    """Create or update the Jenkins job of this model, or of every model below this folder."""
    call("jenkins.stage:job", settings=settings, sets=set_ or (), write=write, dry_run=dry_run, verbose=verbose)


@declare(
    **SETTINGS,
    **_BRANCH,
    parameter="A parameter of the job, NAME=VALUE; may be given several times.",
    wait="Follow the build and end with its verdict (default); --no-wait ends when it has started.",
)
def build(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    branch: str = "",
    parameter: Sequence[str] | None = None,
    wait: bool = True,
    verbose: bool = False,
) -> None:
    """Start a Jenkins build, follow its console, and end with its verdict."""
    call(
        "jenkins.stage:build",
        settings=settings,
        sets=set_ or (),
        branch=branch,
        parameter=parameter or (),
        wait=wait,
        verbose=verbose,
    )


@declare(
    **SETTINGS,
    **_BRANCH,
    build="The build: a number, lastBuild, lastCompletedBuild (default), ….",
    out="Where to (default: .legion/jenkins/<job>-<number>).",
)
def reports(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    branch: str = "",
    build: str = "lastCompletedBuild",
    out: str = "",
    verbose: bool = False,
) -> None:
    """Bring the records and the report of a Jenkins build here."""
    call(
        "jenkins.stage:reports",
        settings=settings,
        sets=set_ or (),
        branch=branch,
        build=build,
        out=out,
        verbose=verbose,
    )


@declare(**SETTINGS, **JSON)
def doctor(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, json: bool = False, verbose: bool = False
) -> None:
    """Check the Jenkins server, credentials, plug-ins and library set-up, and say what to do."""
    call("jenkins.stage:check", settings=settings, sets=set_ or (), json=json, verbose=verbose)
