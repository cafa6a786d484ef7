"""The jobs that a model wants in Jenkins: its pipeline and, where a promotion may wait, the one that looks again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from legion_ci.core.errors import ConfigurationError, LegionError, Problem
from legion_ci.core.shell import Shell
from legion_ci.settings.load import FILE, Loaded, load
from legion_ci.settings.schema import JenkinsSettings, ParameterSettings

_SKIPPED = {".venv", "node_modules", "templates", "build", "dist", "site-packages"}


@dataclass(frozen=True)
class Job:
    """One job. name: with its folders. kind: multibranch, pipeline or look."""

    name: str
    kind: str
    description: str
    repository: str
    script: str  # path of the Jenkinsfile in the repository
    settings: JenkinsSettings
    model_folder: str = ""  # of the model in the repository, empty for its root
    cron: str | None = None  # when a build starts by itself; of a multibranch job, its Jenkinsfile sets it

    @property
    def parameters(self) -> tuple[ParameterSettings, ...]:
        """What may be chosen when a build is started; of a multibranch job, its Jenkinsfile decides."""
        return self.settings.parameters if self.kind == "pipeline" else ()


def models(folder: Path) -> list[Path]:
    """The configuration files of the models here: the folder's own, else each one below it, in the order of their paths."""
    if (folder / FILE).is_file():
        return [folder / FILE]
    found = [p for p in folder.rglob(FILE) if not _hidden(p.relative_to(folder))]
    return sorted(found)


def _hidden(relative: Path) -> bool:
    return any(part.startswith(".") or part in _SKIPPED for part in relative.parts[:-1])


def jobs(file: Path, sets: tuple[str, ...], shell: Shell) -> list[Job]:
    """The jobs of the model whose configuration ``file`` is. Raises ConfigurationError with all that is missing."""
    loaded = load(file, sets)
    settings = loaded.settings.jenkins
    root = _root(loaded.folder, shell)
    below = loaded.folder.relative_to(root).as_posix() if loaded.folder.is_relative_to(root) else "."
    repository = settings.repository or _origin(loaded.folder, shell)
    _check(loaded, repository)
    name = full_name(settings, loaded.settings.model.name)
    model = loaded.settings.model
    told = f"Model {model.name}{': ' + model.description if model.description else ''}. Kept by legion-ci jenkins.job."
    script = settings.script if below == "." else f"{below}/{settings.script}"
    timer = loaded.settings.schedule.trigger if settings.kind == "pipeline" else None
    folder = "" if below == "." else below
    main = Job(name, settings.kind, told, repository, script, settings, model_folder=folder, cron=timer)
    return [main, *_look(main, told)]


def _look(main: Job, told: str) -> list[Job]:
    if not main.settings.promotion_look:
        return []
    about = f"Looks at the waiting promotion again. {told}"
    return [
        Job(
            f"{main.name}-promotion",
            "look",
            about,
            main.repository,
            main.script,
            main.settings,
            main.model_folder,
            main.settings.promotion_look,
        )
    ]


def full_name(settings: JenkinsSettings, model: str) -> str:
    """The job's name with its folders."""
    return "/".join(p for p in (*settings.folder.split("/"), settings.job or model) if p)


def branch_job(name: str, settings: JenkinsSettings, branch: str = "") -> str:
    """The job that builds a branch; in a multibranch job its name is the branch's, percent-encoded."""
    return f"{name}/{quote(branch or settings.branch, safe='')}" if settings.kind == "multibranch" else name


def _root(folder: Path, shell: Shell) -> Path:
    told = _git(["rev-parse", "--show-toplevel"], folder, shell)
    return Path(told) if told else folder


def _origin(folder: Path, shell: Shell) -> str:
    return _git(["remote", "get-url", "origin"], folder, shell)


def _git(words: list[str], folder: Path, shell: Shell) -> str:
    """What git says; empty when it is not there or says no."""
    try:
        done = shell.run(["git", "-C", folder, *words], check=False, env={"GIT_OPTIONAL_LOCKS": "0"})
    except LegionError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _check(loaded: Loaded, repository: str) -> None:
    settings = loaded.settings.jenkins
    where = settings.origin or "jenkins"
    problems = []
    if not repository:
        problems.append(
            Problem(
                "the model's repository is not known",
                f"{where}: jenkins.repository",
                "set it, or git remote add origin URL",
            )
        )
    elif urlsplit(repository).password:
        problems.append(
            Problem("the address holds a password", f"{where}: jenkins.repository", "set jenkins.credentials")
        )
    script = loaded.folder / settings.script
    if not script.is_file():
        todo = "legion-ci init writes one; it is two lines, see docs/how-to/jenkins.md"
        problems.append(Problem(f"there is no {settings.script}", str(loaded.folder), todo))
    elif settings.kind == "multibranch" and loaded.settings.schedule.trigger and not _sets_triggers(script):
        told = "a multibranch job takes its triggers from its branches, so the schedule would start nothing"
        todo = f"write legionPipeline(manage: true) into {settings.script}, or set jenkins.kind: pipeline"
        problems.append(Problem(told, loaded.settings.schedule.origin or "schedule", todo))
    if settings.kind == "multibranch" and settings.parameters:
        todo = "say them in the Jenkinsfile, or set jenkins.kind: pipeline"
        problems.append(Problem("a multibranch job takes parameters from its branches", where, todo))
    problems += [
        Problem(f"{p.default!r} is not one of the choices of {p.name}", where, f"one of {', '.join(p.choices)}")
        for p in settings.parameters
        if p.choices and p.default and p.default not in p.choices
    ]
    if problems:
        raise ConfigurationError(problems)


def _sets_triggers(script: Path) -> bool:
    """Whether a Jenkinsfile lets the library set the job's triggers, or sets some by itself."""
    text = script.read_text(errors="replace")
    return re.search(r"\bmanage\s*:\s*true\b|\bcron\s*\(", text) is not None
