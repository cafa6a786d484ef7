"""A site: the folder where a model lives (store, deployments, routes, promotion, feedback); never the workspace."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


def state_home() -> Path:
    """``$XDG_STATE_HOME/legion``, else ``~/.local/state/legion``."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "legion"


def cache_home() -> Path:
    """``$LEGION_CACHE``, else ``$XDG_CACHE_HOME/legion``, else ``~/.cache/legion``; all in it can be made again."""
    if explicit := os.environ.get("LEGION_CACHE"):
        return Path(explicit)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "legion"


@dataclass(frozen=True)
class Site:
    """Paths of one model's site; nothing here reads or writes."""

    path: Path
    model: str
    branch: str = ""  # of the site of a branch or pull request

    @property
    def registered(self) -> str:
        """The model's name in the registry; no model can be named like that of a branch, since a name has no dot."""
        return f"{self.model}.{self.branch}" if self.branch else self.model

    @property
    def store(self) -> Path:
        """MLflow's database and artefacts, when no tracking server is configured."""
        return self.path / "store"

    @property
    def routes(self) -> Path:
        """The gateway's document."""
        return self.path / "routes.json"

    @property
    def gateway(self) -> Path:
        """Envoy's generated files and access log."""
        return self.path / "gateway"

    @property
    def processes(self) -> Path:
        """What the supervisor keeps."""
        return self.path / "processes"

    @property
    def deployments(self) -> Path:
        """Installed packages, one folder a deployment."""
        return self.path / "deployments"

    @property
    def feedback(self) -> Path:
        """Captured requests, answers and outcomes."""
        return self.path / "feedback"

    @property
    def promotion(self) -> Path:
        """State and evidence of experiments."""
        return self.path / "promotion"

    @property
    def locks(self) -> Path:
        """Lock files."""
        return self.path / "locks"
