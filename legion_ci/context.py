"""What every stage's call is made from: settings, run, site, and the results of earlier stages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from legion_ci.core.errors import OrderError
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.gateway import routes
from legion_ci.results import PerfResult, QualityResult, StageResult, TrainResult, Verdict
from legion_ci.runs import Run
from legion_ci.settings.load import Loaded
from legion_ci.settings.schema import Settings


@dataclass(frozen=True)
class Context:
    """What every stage's call is made from."""

    loaded: Loaded
    run: Run
    tools: Tools
    first: bool = False
    once: bool = False  # promote: one look, whatever promote.in_build says

    @property
    def settings(self) -> Settings:
        """The whole configuration; stages get their sections of it."""
        return self.loaded.settings

    @property
    def site(self) -> Site:
        """The model's site."""
        return self.loaded.site

    @cached_property
    def champion(self) -> routes.Arm | None:
        """The live model, asked of the site that has users."""
        return routes.read(self.loaded.main_site).champion_arm

    def need(self, stage: str, by: str) -> Any:
        """An earlier stage's result; OrderError when it is missing, failed, or of another model than train's."""
        result = self.run.need(stage, by)
        if result.verdict is Verdict.FAIL:
            raise OrderError(
                f"{stage} said FAIL ({result.summary}); nothing further runs",
                todo=f"change the model and run legion-ci train, or run legion-ci {stage} again",
            )
        trained = cast(TrainResult, self.run.need("train", by))
        if _about(result) != trained.model.artefact.digest:
            raise OrderError(
                f"the result of {stage} is about another model than train's {trained.model.version}",
                todo=f"run legion-ci {stage} again",
            )
        return result


def _about(result: StageResult) -> str:
    """Digest of the model that a result is about."""
    if isinstance(result, PerfResult):
        return result.artefact_digest
    model = result.candidate if isinstance(result, QualityResult) else getattr(result, "model")  # noqa: B009
    return str(model.artefact.digest)
