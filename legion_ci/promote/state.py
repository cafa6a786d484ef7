"""The memory of an experiment: one file, durable before anything is done about the traffic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from legion_ci.core.errors import ToolError
from legion_ci.core.files import write_atomic
from legion_ci.core.site import Site
from legion_ci.results import PromoteResult

_MOST_LOOKS = 2_000


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step that the traffic has reached. started: seconds since the epoch."""

    name: str
    started: float


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What is about to be done about the traffic, decided. action: advance | promote | rollback."""

    action: str
    step: str
    at: float
    why: str = ""


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """One challenger against one champion. ended: "" while it runs, else promoted | failed | rolled_back."""

    schema_version: int = 1
    experiment: str
    deployment: str
    champion: str
    started: float
    steps: tuple[Step, ...] = ()
    intent: Intent | None = None
    ended: str = ""
    result: PromoteResult | None = None
    looks: tuple[dict[str, Any], ...] = ()

    @property
    def step(self) -> Step | None:
        """The step that it is at."""
        return self.steps[-1] if self.steps else None

    def but(self, **changes: Any) -> Experiment:
        """A copy with changes."""
        return msgspec.structs.replace(self, **changes)

    def looked(self, look: dict[str, Any]) -> Experiment:
        """With one more look; of very many older ones every second is kept."""
        looks = (*self.looks, look)
        return self.but(
            looks=looks if len(looks) <= _MOST_LOOKS else (*looks[: -_MOST_LOOKS // 2 : 2], *looks[-_MOST_LOOKS // 2 :])
        )


def save(site: Site, experiment: Experiment) -> None:
    """Write it, durably, as a whole."""
    content = msgspec.json.format(msgspec.json.encode(experiment), indent=1)
    write_atomic(path(site, experiment.experiment), content)


def path(site: Site, experiment: str) -> Path:
    """Its file."""
    return site.promotion / f"{experiment}.json"


def latest(site: Site, deployment: str) -> Experiment | None:
    """The last experiment of a deployment."""
    found = [e for p in sorted(site.promotion.glob("*.json")) if (e := load(p)).deployment == deployment]
    return max(found, key=lambda e: (e.started, e.experiment), default=None)


def load(file: Path) -> Experiment:
    """An experiment from its file."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Experiment)
    except (OSError, msgspec.DecodeError) as error:
        raise ToolError(
            f"is not an experiment ({error})",
            where=str(file),
            todo="move it away; the gateway's routes stay as they are",
        ) from error
