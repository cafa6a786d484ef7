"""What the tasks ``jenkins.…`` do, in the order in which a person does it: doctor, job, build, reports."""

from __future__ import annotations

import json as jsonlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from legion_ci.core.errors import ConfigurationError, Problem, ServiceError
from legion_ci.core.files import write_atomic
from legion_ci.core.tools import Tools
from legion_ci.jenkins import address, apply, artefacts, doctor, follow, job_dsl, verdict, wanted
from legion_ci.jenkins.follow import Build, Waiting
from legion_ci.jenkins.server import Server
from legion_ci.settings.load import FILE, load
from legion_ci.settings.schema import JenkinsSettings


@dataclass(frozen=True)
class Target:
    """The job that builds a branch, and where the records of its builds are kept here."""

    settings: JenkinsSettings
    job: str
    kept: Path
    keep: int

    def folder_of(self, build: Build) -> Path:
        """The build's folder. The oldest of others go, so that no more than ``keep`` stay."""
        mine = self.kept / f"{build.job.replace('/', '-')}-{build.number}"
        others = [p for p in self.kept.glob("*/build.json") if p.parent != mine]
        for old in sorted(others, key=lambda p: p.stat().st_mtime, reverse=True)[self.keep - 1 :]:
            shutil.rmtree(old.parent, ignore_errors=True)
        return mine


def job(tools: Tools, settings: str, sets: Sequence[str], write: str, dry_run: bool) -> int:
    """Create or update the jobs of every model here, or write them as files."""
    files = _files(settings)
    found = [_jobs(tools, file, sets) for file in files]
    every = [j for jobs in found for j in jobs]
    _clashes(every)
    if write:
        for name, content in job_dsl.files(every).items():
            write_atomic(Path(write) / name, content)
            print(Path(write) / name)
        return 0
    server = _server(tools, every[0].settings)
    server.welcome()
    changes = apply.plan(server, every)
    if not dry_run:
        apply.do(server, changes)
    for change in changes:
        print(f"would be {change}" if dry_run and change.what != "keep" else change)
    return 0


def build(
    tools: Tools,
    settings: str,
    sets: Sequence[str],
    branch: str,
    parameter: Sequence[str],
    wait: bool,
    waiting: Waiting | None = None,
) -> int:
    """Start a build, follow its console, and end with its verdict."""
    target = _one(settings, sets, branch)
    chosen, name, given = target.settings, target.job, _parameters(parameter)
    server = _server(tools, chosen)
    if server.welcome().quiet:
        raise ServiceError(
            "is about to shut down and starts no builds", where=server.address.url, todo="try again after its restart"
        )
    _takes(server, name, given)
    item = server.start(name, given)
    tools.progress.say(f"{name} is queued as item {item}")
    waiting = waiting or Waiting(chosen.queue_timeout, chosen.build_timeout)
    number = follow.started(server, item, waiting, tools.progress)
    print(f"build {name} #{number}", flush=True)
    if not wait:
        return 0
    try:
        ended = follow.followed(server, name, number, waiting, lambda text: _tell(tools, text))
    except KeyboardInterrupt:
        print(f"\n{name} #{number} goes on without us; legion-ci jenkins.reports --build {number} brings its records")
        raise
    return _verdict(server, ended, target)


def reports(tools: Tools, settings: str, sets: Sequence[str], branch: str, build: str, out: str) -> int:
    """Bring a build's records and report here."""
    target = _one(settings, sets, branch)
    server, name = _server(tools, target.settings), target.job
    server.welcome()
    ended = follow.ended(name, server.build(name, _number(build)))
    if not ended.result:
        raise ServiceError(
            f"{name} #{ended.number} has not ended", where=ended.url, todo="legion-ci jenkins.build follows a build"
        )
    into = Path(out) if out else target.folder_of(ended)
    fetched = artefacts.fetch(server, ended, into)
    runs = artefacts.runs(fetched, into)
    verdict.remember(ended, verdict.results(runs), into, ", ".join(r.name for r in runs))
    print(f"{name} #{ended.number} {ended.result}: {len(fetched)} files in {into}")
    for page in [r / "report" / "index.html" for r in runs if (r / "report" / "index.html").is_file()]:
        print(page)
    return 0


def check(tools: Tools, settings: str, sets: Sequence[str], json: bool) -> int:
    """Check server, credentials, plug-ins and library set-up; says all that is wrong at once."""
    files = wanted.models(Path(settings).parent if settings else Path())
    chosen = load(files[0], sets).settings.jenkins if files else JenkinsSettings()
    findings = doctor.examine(chosen, files, tuple(sets), tools)
    print(jsonlib.dumps([f.__dict__ for f in findings], indent=2) if json else "\n".join(map(str, findings)))
    return doctor.exit_code(findings)


def _tell(tools: Tools, text: str) -> None:
    print(tools.secrets.redact(text), end="", flush=True)


def _server(tools: Tools, settings: JenkinsSettings) -> Server:
    return Server(address.read(settings, tools.secrets), settings.timeout)


def _files(settings: str) -> list[Path]:
    files = [Path(settings)] if settings else wanted.models(Path())
    if not files:
        raise ConfigurationError(
            f"there is no {FILE} here or below", where=str(Path.cwd()), todo="legion-ci init makes a model repository"
        )
    return files


def _jobs(tools: Tools, file: Path, sets: Sequence[str]) -> list[wanted.Job]:
    try:
        return wanted.jobs(file.resolve(), tuple(sets), tools.shell)
    except ConfigurationError as error:
        raise ConfigurationError(
            [Problem(p.what, f"{file.parent}: {p.where}", p.todo) for p in error.problems]
        ) from None


def _clashes(jobs: Sequence[wanted.Job]) -> None:
    names = [j.name for j in jobs]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ConfigurationError(
            [Problem(f"two models want the job {n}", "jenkins.job", "give one of them another name") for n in twice]
        )


def _one(settings: str, sets: Sequence[str], branch: str) -> Target:
    """The one model here. Raises ConfigurationError when there are several."""
    files = _files(settings)
    if len(files) > 1:
        known = ", ".join(str(f) for f in files)
        raise ConfigurationError(
            "there are several models here", where=str(Path.cwd()), todo=f"say --settings with one of {known}"
        )
    loaded = load(files[0], sets)
    chosen = loaded.settings.jenkins
    if branch and chosen.kind == "pipeline" and branch != chosen.branch:
        raise ConfigurationError(
            f"the job builds only {chosen.branch}", where="--branch", todo="set jenkins.kind: multibranch"
        )
    name = wanted.full_name(chosen, loaded.settings.model.name)
    kept = loaded.folder / ".legion" / "jenkins"
    return Target(chosen, wanted.branch_job(name, chosen, branch), kept, loaded.settings.keep.runs)


def _parameters(given: Sequence[str]) -> dict[str, str]:
    bad = [g for g in given if not g.partition("=")[0] or "=" not in g]
    if bad:
        raise ConfigurationError([Problem(f"{g!r} is not NAME=VALUE", "--parameter") for g in bad])
    return {n: v for n, _, v in (g.partition("=") for g in given)}


def _takes(server: Server, name: str, given: dict[str, str]) -> None:
    """Whether the job can be built, and takes these parameters: Jenkins drops those that it does not know without a word."""
    told = server.job(name)
    if not told.get("buildable", True):
        raise ConfigurationError(f"{name} is disabled", where=server.address.url, todo="enable it in Jenkins")
    definitions = [d for p in told.get("property", ()) for d in p.get("parameterDefinitions", ())]
    known = {d["name"]: d.get("choices") for d in definitions}
    problems = [
        Problem(f"{name} has no parameter {n}", "--parameter", f"it has {', '.join(known) or 'none'}")
        for n in given
        if n not in known
    ]
    problems += [
        Problem(f"{v!r} is not a choice of {n}", "--parameter", f"one of {', '.join(known[n])}")
        for n, v in given.items()
        if known.get(n) and v not in known[n]
    ]
    if problems:
        raise ConfigurationError(problems)
    if known and not given:
        given |= {d["name"]: str(_default(d)) for d in definitions if _default(d) is not None}


def _default(definition: dict[str, object]) -> object:
    """The default of a parameter as a text; a job with parameters is only built with them."""
    told = definition.get("defaultParameterValue")
    value = told.get("value") if isinstance(told, dict) else None
    return str(value).lower() if isinstance(value, bool) else value


def _number(build: str) -> int | str:
    words = ("lastBuild", "lastCompletedBuild", "lastSuccessfulBuild", "lastFailedBuild", "lastStableBuild")
    if build.isdigit() and int(build):
        return int(build)
    if build in words:
        return build
    raise ConfigurationError(
        f"{build!r} is not a build", where="--build", todo=f"a number, or one of {', '.join(words)}"
    )


def _verdict(server: Server, ended: Build, target: Target) -> int:
    into, found, run = target.folder_of(ended), {}, ""
    if any(".legion/runs/" in a for a in ended.artefacts):
        runs = artefacts.runs(artefacts.fetch(server, ended, into, only_records=True), into)
        found, run = verdict.results(runs), ", ".join(r.name for r in runs)
    verdict.remember(ended, found, into, run)
    code, told = verdict.judge(ended, found)
    print(f"\n{ended.result.lower()}  {told}\n{ended.url}")
    return code
