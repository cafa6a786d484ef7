"""What a drift check may say in ``legion.yaml``, and from which effect on each measure is called drift."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from legion_ci.settings.schema import Alpha, CheckSettings

Measure = Literal["psi", "ks", "wasserstein", "jensen_shannon", "chi2"]
# psi: from 0.2 on "significant" (N. Siddiqi, Credit Risk Scorecards, 2006); the others: what
# the same shift of a normal distribution gives (0.45 standard deviations); chi2 is Cramér's V, a convention.
LIMITS: dict[str, float] = {"psi": 0.2, "ks": 0.18, "wasserstein": 0.45, "jensen_shannon": 0.2, "chi2": 0.2}
NUMERIC_ONLY = ("ks", "wasserstein")


def _tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


class DriftSettings(CheckSettings):
    """Whether the evaluation rows still look like the training data, of which the artefact holds sketches.

    columns: default, the features; the target may be named too. measures: psi (numbers and values), jensen_shannon (both),
    chi2 (values: Cramér's V), ks and wasserstein (numbers; the latter in standard deviations). A measure is left out for
    columns that it is not for. limits: the effect that is still no drift. bins: of numbers, at quantiles of the training
    data, for psi and jensen_shannon. A column passes when the upper bound of the effect is below the limit and fails when
    the lower bound is above it.
    """

    use: str = "drift"
    columns: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = ()
    measures: Annotated[tuple[Measure, ...], BeforeValidator(_tuple)] = Field(default=("psi",), min_length=1)
    limits: dict[str, float] = Field(default_factory=dict)
    bins: int = Field(default=10, ge=2, le=100)
    alpha: Alpha | None = None

    @model_validator(mode="after")
    def _coherent(self) -> DriftSettings:
        if self.role == "alarm":
            raise ValueError("drift decides on its effect; role: alarm is for losses")
        if bad := [m for m, limit in self.limits.items() if not limit > 0]:
            raise ValueError(f"the limit of {', '.join(bad)} must be above 0")
        if unused := [m for m in self.limits if m not in self.measures]:
            raise ValueError(f"limits names {', '.join(unused)}, which measures does not")
        return self

    def limit(self, measure: str) -> float:
        """The effect that is still no drift."""
        return self.limits.get(measure, LIMITS[measure])
