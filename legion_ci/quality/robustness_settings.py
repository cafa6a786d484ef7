"""What a robustness check may say in ``legion.yaml``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from legion_ci.quality.catalogue import METRICS, unknown
from legion_ci.settings.schema import Alpha, CheckSettings, Share

Disturbance = Literal["noise", "missing", "permuted", "out_of_range"]


def _tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


class RobustnessSettings(CheckSettings):
    """What the candidate loses when its inputs are disturbed, against its own answers on the same rows undisturbed.

    disturb: noise (normal, of ``noise`` standard deviations, on numbers), missing (values taken away), permuted (values of
    other rows; every column by itself), out_of_range (far outside what the rows hold, unseen text). columns: default, all
    features. share: of the rows that are disturbed (noise: all). metric, max_loss: the loss that is accepted, decided on the
    paired interval. A model that raises or gives unusable answers fails.
    """

    use: str = "robustness"
    disturb: Annotated[tuple[Disturbance, ...], BeforeValidator(_tuple)] = Field(
        default=("noise", "missing"), min_length=1
    )
    columns: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = ()
    noise: float = Field(default=0.1, gt=0)
    share: Share = 0.1
    metric: str
    max_loss: float = Field(gt=0, allow_inf_nan=False)
    positive: Any = None
    threshold: float | None = Field(default=None, ge=0, le=1)
    alpha: Alpha | None = None

    @field_validator("metric")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in METRICS:
            raise ValueError(unknown(name))
        return name

    @model_validator(mode="after")
    def _coherent(self) -> RobustnessSettings:
        if self.role == "alarm":
            raise ValueError("robustness decides on its interval; role: alarm is for losses on slices")
        return self
