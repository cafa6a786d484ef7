"""Makes the jobs on a server what they should be: what is right is left alone, what others added stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.jenkins import config_xml
from legion_ci.jenkins.job_dsl import folders
from legion_ci.jenkins.server import Server
from legion_ci.jenkins.wanted import Job


@dataclass(frozen=True)
class Change:
    """What is to be done about one item. what: create, update or keep; details: paths in config.xml that differ."""

    name: str
    what: str
    config: str = ""
    details: tuple[str, ...] = ()
    multibranch: bool = False

    def __str__(self) -> str:
        told = {"create": "created", "update": "updated", "keep": "unchanged"}[self.what]
        more = f" ({', '.join(d.rsplit('/', 1)[-1] for d in self.details[:4])})" if self.details else ""
        return f"{told:9}  {self.name}{more}"


def plan(server: Server, jobs: Sequence[Job]) -> list[Change]:
    """What differs on the server, folders first. Raises ConfigurationError where a name belongs to something else."""
    problems: list[Problem] = []
    changes = [_folder(server, name, problems) for name in folders(jobs)]
    changes += [_job(server, job, problems) for job in jobs]
    if problems:
        raise ConfigurationError(problems)
    return changes


def do(server: Server, changes: Sequence[Change]) -> None:
    """Do it. A new multibranch job looks for branches at once."""
    for change in changes:
        if change.what == "create":
            server.create(change.name, change.config)
        elif change.what == "update":
            server.configure(change.name, change.config)
        if change.multibranch and change.what != "keep":
            server.scan(change.name)


def _folder(server: Server, name: str, problems: list[Problem]) -> Change:
    if not server.has(name):
        return Change(name, "create", config_xml.folder())
    found = config_xml.parse(server.config(name))
    if not found.tag.endswith("Folder"):
        problems.append(
            Problem(
                f"{name} is a {found.tag.rsplit('.', 1)[-1]} there, not a folder", "jenkins.folder", "choose another"
            )
        )
    return Change(name, "keep")


def _job(server: Server, job: Job, problems: list[Problem]) -> Change:
    config, multibranch = config_xml.render(job), job.kind == "multibranch"
    if not server.has(job.name):
        return Change(job.name, "create", config, multibranch=multibranch)
    found, wanted = config_xml.parse(server.config(job.name)), config_xml.parse(config)
    if found.tag != wanted.tag:
        told = f"{job.name} is a {found.tag.rsplit('.', 1)[-1]} there, which cannot become a {job.kind} job"
        problems.append(Problem(told, "jenkins.kind", "remove that job in Jenkins, or set jenkins.job to another name"))
    details = tuple(config_xml.differs(wanted, found))
    if not details:
        return Change(job.name, "keep")
    return Change(job.name, "update", config_xml.text(config_xml.merged(wanted, found)), details, multibranch)
