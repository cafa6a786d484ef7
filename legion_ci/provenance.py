"""Where a model comes from: Git's commit and Jenkins' build."""

from __future__ import annotations

import os
from pathlib import Path

from legion_ci.core.errors import ConfigurationError, LegionError
from legion_ci.core.shell import Shell
from legion_ci.results import Provenance


def in_jenkins() -> bool:
    """Whether a Jenkins build runs us."""
    return bool(os.environ.get("BUILD_TAG"))  # JENKINS_URL is also set by people who call legion-ci jenkins.…


def look(folder: Path, shell: Shell) -> Provenance:
    """Commit, whether anything differs from it, and build. No commit is an error in Jenkins, a fact on a laptop."""
    commit = _git(folder, shell, "rev-parse", "HEAD")
    if commit is None and in_jenkins():
        raise ConfigurationError(
            "the model repository is not a Git checkout",
            where=str(folder),
            todo="check it out with Git, so that a model can be traced to its code",
        )
    dirty = bool(commit and _git(folder, shell, "status", "--porcelain", "--", "."))
    build = os.environ.get("BUILD_URL") or os.environ.get("BUILD_TAG") or ""
    return Provenance(commit=commit or "no commit", dirty=dirty, build=build)


def _git(folder: Path, shell: Shell, *words: str) -> str | None:
    try:
        done = shell.run(["git", "-C", folder, *words], check=False, env={"GIT_OPTIONAL_LOCKS": "0"})
    except LegionError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
