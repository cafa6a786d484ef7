"""A site with a champion and a challenger, traffic that follows its routes, and a clock that is moved by hand."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from promote_events import capture, outcome, write

from legion_ci.core.clock import Clock
from legion_ci.core.progress import Progress
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.feedback.capture import Capture
from legion_ci.feedback.outcomes import Outcome
from legion_ci.gateway import routes
from legion_ci.gateway.routes import WHOLE, Arm, Routes, Segment
from legion_ci.promote import stage
from legion_ci.promote.look import Reader
from legion_ci.results import Artefact, DeployResult, ModelRef, PerfResult, PromoteResult, QualityResult
from legion_ci.settings.schema import PromoteSettings

START = 1_700_000_000.0


class HandClock(Clock):
    """Stands still until it is moved, or slept on."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Killed(BaseException):
    """What a kill -9 looks like from inside."""


class FileTraffic:
    """The routes document without an Envoy behind it; can be killed before or after a change."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.kill = ""  # before | after
        self.changes: list[Routes] = []

    def current(self) -> Routes:
        return routes.read(self.site)

    def change(self, edit: Callable[[Routes], Routes], expected_revision: int | None) -> Routes:
        if self.kill == "before":
            raise Killed
        new = routes.change(self.site, edit, expected_revision=expected_revision)
        self.changes.append(new)
        if self.kill == "after":
            raise Killed
        return new


def model(version: str) -> ModelRef:
    return ModelRef(name="wine", version=version, artefact=Artefact(uri="file:///nowhere", digest=version * 64))


def deploy_result(deployment: str = "new") -> DeployResult:
    return DeployResult(deployment=deployment, model=model("2"), url="http://x", direct_url="http://x/model/new")


@dataclass
class Bench:
    """Everything that promotion is given. accuracy: of (champion, challenger); errors likewise."""

    folder: Path
    settings: PromoteSettings
    accuracy: tuple[float, float] = (0.9, 0.9)
    errors: tuple[float, float] = (0.0, 0.0)
    outcome_field: str = "label"
    outcomes: bool = True
    clock: HandClock = field(default_factory=HandClock)
    served: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        self.site = Site(path=self.folder, model="wine")
        self.traffic = FileTraffic(self.site)
        self.tools = Tools(clock=self.clock, progress=Progress(stream=io.StringIO()))
        self.random = np.random.default_rng(self.seed)
        arms = tuple(Arm(deployment=d, model=model(v), endpoint="127.0.0.1:1") for d, v in (("old", "1"), ("new", "2")))
        segments = (Segment(deployment="old", width=WHOLE),)
        routes.change(self.site, lambda r: msgspec.structs.replace(r, champion="old", arms=arms, segments=segments))

    @property
    def routes(self) -> Routes:
        return routes.read(self.site)

    def look(
        self, *, first: bool = False, deployment: str = "new", quality: QualityResult | None = None,
        perf: PerfResult | None = None, read: Reader | None = None,
    ) -> PromoteResult:  # fmt: skip
        return stage.run(
            self.settings, quality=quality, perf=perf, deployed=deploy_result(deployment), site=self.site,
            work=self.folder, first=first, tools=self.tools, traffic=self.traffic, read=read,
        )  # fmt: skip

    def serve(self, units: int, *, seconds: float = 30.0, mature: bool = True) -> None:
        """One request of each of so many new units, by the routes as they are; then let the windows close."""
        now, captures, outcomes = self.routes, [], []
        for i in range(units):
            name, at = f"r{self.served + i}", self.clock.time + seconds * i / units
            made, told = self._request(now, name, at)
            captures += made
            outcomes += told if self.outcomes else []
        self.served += units
        self.clock.time += seconds
        write(self.site.feedback, captures, outcomes)
        if mature:
            self.clock.time += self.settings.window + 2

    def _request(self, now: Routes, name: str, at: float) -> tuple[list[Capture], list[Outcome]]:
        truth = bool(self.random.random() < 0.5)
        place = int.from_bytes(hashlib.sha256(f"{now.experiment}:{name}".encode()).digest()[:8]) % WHOLE
        arm = "new" if place < now.width("new") else "old"
        said = {d: self._answer(d == "new", truth) for d in ("old", "new")}
        meant = {
            "experiment": now.experiment,
            "step": now.step,
            "share": now.share(arm),
            "unit": name,
            "arm": arm,
            "at": at,
        }
        made = [capture(name, deployment=arm, **meant, **said[arm])]
        if now.mirror:
            made.append(capture(name, deployment=now.mirror, purpose="shadow", **meant, **said[now.mirror]))
        return made, [outcome(name, {self.outcome_field: truth}, at=at + 1)]

    def _answer(self, new: bool, truth: bool) -> dict[str, object]:
        if self.random.random() < self.errors[new]:
            return {"status": 500, "response": b'{"message": "broken"}'}
        right = self.random.random() < self.accuracy[new]
        p = 0.8 if truth == right else 0.2
        return {"rows": [[p > 0.5, 1 - p, p]], "columns": ["prediction", "probability_False", "probability_True"]}


def settings(**more: object) -> PromoteSettings:
    told: dict[str, object] = {"outcome": "label", "metric": "accuracy", "margin": 0.05, "steps": ("shadow", 25, 100)}
    return PromoteSettings(**{**told, **more})
