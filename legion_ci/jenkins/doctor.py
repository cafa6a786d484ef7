"""Looks a Jenkins server over: address, credentials, plug-ins, library, agents, jobs; each finding says what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from legion_ci.core.errors import ConfigurationError, LegionError, PluginError, ServiceError
from legion_ci.core.tools import Tools
from legion_ci.jenkins import address, apply, wanted
from legion_ci.jenkins.server import Server, Welcome
from legion_ci.settings.schema import JenkinsSettings

OK, NOTE, WRONG = "ok", "note", "wrong"
OLDEST = (2, 277)  # the oldest controller on which the library was run
REQUIRED = {
    "workflow-job": "Pipeline: Job", "workflow-cps": "Pipeline: Groovy", "workflow-basic-steps": "Pipeline: Basic Steps",
    "workflow-durable-task-step": "Pipeline: Nodes and Processes", "pipeline-stage-step": "Pipeline: Stage Step",
    "workflow-scm-step": "Pipeline: SCM Step", "git": "Git", "pipeline-input-step": "Pipeline: Input Step",
}  # fmt: skip
LIBRARIES = (
    "pipeline-groovy-lib",
    "workflow-cps-global-lib",
)  # one of them brings @Library; the second is the older name
OPTIONAL = {
    "junit": "checks and slices are not shown as tests", "htmlpublisher": "the report has no link beside the build, it is archived",
    "lockable-resources": "two builds may promote at the same time", "pipeline-milestone-step": "an older build may promote after a newer",
    "warnings-ng": "findings are not shown at the lines of legion.yaml", "performance": "no trend of the load tests",
    "plot": "no curves of metrics over builds", "checks-api": "no comment in pull requests", "badge": "no badges at builds",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing looked at. state: ok, note (works without) or wrong; code: the exit code of its kind."""

    state: str
    what: str
    todo: str = ""
    code: int = 0

    def __str__(self) -> str:
        return f"{self.state:6} {self.what}" + (f"\n       → {self.todo}" if self.todo else "")


def exit_code(findings: Sequence[Finding]) -> int:
    """0 when nothing is wrong, else the code of the first thing that is."""
    return next((f.code for f in findings if f.state == WRONG), 0)


def examine(settings: JenkinsSettings, models: Sequence[Path], sets: tuple[str, ...], tools: Tools) -> list[Finding]:
    """Everything that can be looked at; what depends on something broken is left out."""
    try:
        server = Server(address.read(settings, tools.secrets), settings.timeout)
        welcome = server.welcome()
    except LegionError as error:
        return [*_errors(error), *_model_findings(None, models, sets, tools)]
    findings = [*_welcome(server, welcome), *_asked(server, settings)]
    return [*findings, *_model_findings(server, models, sets, tools)]


def _errors(error: LegionError) -> list[Finding]:
    return [
        Finding(WRONG, f"{p.where}: {p.what}" if p.where else p.what, p.todo, error.exit_code) for p in error.problems
    ]


def _welcome(server: Server, welcome: Welcome) -> Iterator[Finding]:
    yield Finding(OK, f"{server.address.url} is Jenkins {welcome.version}")
    numbers = tuple(int(n) for n in welcome.version.split(".")[:2] if n.isdigit())
    if numbers < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        yield Finding(
            WRONG, f"Jenkins {welcome.version} is older than {oldest}", "upgrade it", ConfigurationError.exit_code
        )
    if welcome.me == "anonymous":
        yield Finding(
            WRONG, "the server takes us for nobody", "set jenkins.user and jenkins.token", ConfigurationError.exit_code
        )
    else:
        yield Finding(OK, f"user {welcome.me}")
    if welcome.quiet:
        yield Finding(
            WRONG,
            "it is about to shut down and starts no builds",
            "wait for its restart, or cancel it",
            ServiceError.exit_code,
        )
    if welcome.root and welcome.root != server.address.url:
        yield Finding(
            NOTE, f"it calls itself {welcome.root}, and links lead there", "set Manage Jenkins → System → Jenkins URL"
        )


def _asked(server: Server, settings: JenkinsSettings) -> Iterator[Finding]:
    """What needs a request of its own; one that is refused is a finding."""
    for look in (_crumb, _plugins, _library, _agents):
        try:
            yield from look(server, settings)
        except LegionError as error:
            told = error.problems[0]
            yield Finding(
                NOTE, f"cannot look: {told.what}", "a user with Overall/System Read can; or look there yourself"
            )


def _crumb(server: Server, settings: JenkinsSettings) -> Iterator[Finding]:
    if not server.crumb():
        yield Finding(
            NOTE, "it does not protect itself against forged requests", "Manage Jenkins → Security → CSRF Protection"
        )


def _plugins(server: Server, settings: JenkinsSettings) -> Iterator[Finding]:
    found = server.plugins()
    needed = dict(REQUIRED)
    if settings.kind == "multibranch":
        needed |= {"workflow-multibranch": "Pipeline: Multibranch", "branch-api": "Branch API"}
    if settings.folder:
        needed["cloudbees-folder"] = "Folders"
    missing = [f"{title} ({name})" for name, title in needed.items() if name not in found]
    missing += [] if any(name in found for name in LIBRARIES) else ["Pipeline: Groovy Libraries (pipeline-groovy-lib)"]
    if missing:
        told = f"required plug-ins are missing: {', '.join(missing)}"
        yield Finding(WRONG, told, "install them: Manage Jenkins → Plugins → Available", PluginError.exit_code)
    else:
        yield Finding(OK, f"{len(needed) + 1} required plug-ins")
    for name, lost in OPTIONAL.items():
        if name not in found:
            yield Finding(NOTE, f"the optional plug-in {name} is missing: {lost}")


def _library(server: Server, settings: JenkinsSettings) -> Iterator[Finding]:
    """The global libraries, as Configuration-as-Code exports them; without that plug-in nobody can ask."""
    where = "Manage Jenkins → System → Global Trusted Pipeline Libraries"
    if "configuration-as-code" not in server.plugins():
        yield Finding(
            NOTE, f"whether the library {settings.library} is set up cannot be asked here", f"look at {where}"
        )
        return
    named = {str(one.get("name")): one for one in _exported_libraries(server.exported())}
    if settings.library not in named:
        known = f"there are {', '.join(named)}" if named else "there is none"
        yield Finding(
            WRONG,
            f"there is no global library {settings.library} ({known})",
            f"add it at {where}",
            ConfigurationError.exit_code,
        )
        return
    version = named[settings.library].get("defaultVersion")
    yield Finding(OK, f"library {settings.library}, version {version or 'not set'}")
    if not version:
        yield Finding(NOTE, f"the library {settings.library} has no default version", "set a released version (a tag)")


def _exported_libraries(text: str) -> list[dict[str, object]]:
    try:
        told = yaml.safe_load(text) or {}
        libraries = ((told.get("unclassified") or {}).get("globalLibraries") or {}).get("libraries") or []
        return [one for one in libraries if isinstance(one, dict)]
    except (yaml.YAMLError, AttributeError):
        raise ServiceError("the exported configuration is not what is expected") from None


def _agents(server: Server, settings: JenkinsSettings) -> Iterator[Finding]:
    nodes = server.agents()
    ready = [n for n in nodes if not n.get("offline") and int(n.get("numExecutors", 0)) > 0]
    for node in nodes:
        if node.get("offline"):
            why = str(node.get("offlineCauseReason") or "no reason given")
            yield Finding(NOTE, f"agent {node.get('displayName')} is offline ({why})", "start it, or remove it")
    if ready:
        yield Finding(OK, f"{sum(int(n['numExecutors']) for n in ready)} executors on {len(ready)} nodes")
    else:
        yield Finding(WRONG, "no node has an executor: no build can start", "start an agent", ServiceError.exit_code)


def _model_findings(
    server: Server | None, models: Sequence[Path], sets: tuple[str, ...], tools: Tools
) -> Iterator[Finding]:
    if not models:
        yield Finding(
            NOTE, "no legion.yaml here or below: only the server was looked at", "call it in a model repository"
        )
    for file in models:
        try:
            jobs = wanted.jobs(file.resolve(), sets, tools.shell)
            changes = apply.plan(server, jobs) if server else []
        except LegionError as error:
            yield from _errors(error)
            continue
        for change in changes:
            told = {"keep": "is as it should be", "create": "is not there", "update": "differs"}[change.what]
            details = f" ({', '.join(change.details)})" if change.details else ""
            todo = "" if change.what == "keep" else "legion-ci jenkins.job makes it so"
            yield Finding(OK if change.what == "keep" else NOTE, f"{change.name} {told}{details}", todo)
