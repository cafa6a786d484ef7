"""What a calibration check may say in ``legion.yaml``."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from legion_ci.settings.schema import Alpha, CheckSettings


class CalibrationSettings(CheckSettings):
    """Whether probabilities mean what they say.

    max_ece: of the expected calibration error over ``bins`` bins of equally many rows, freed of its upward bias.
    slope_within, intercept_within: how far slope (1) and intercept (0) of the logistic recalibration may be away: a slope
    below 1 means too extreme probabilities, an intercept above 0 too low ones. Of more than two classes without ``positive``
    the probability of the predicted class is held against whether it is right.
    """

    use: str = "calibration"
    max_ece: float | None = Field(default=None, gt=0, lt=1)
    slope_within: float | None = Field(default=None, gt=0)
    intercept_within: float | None = Field(default=None, gt=0)
    bins: int = Field(default=10, ge=2, le=100)
    positive: Any = None
    alpha: Alpha | None = None

    @model_validator(mode="after")
    def _coherent(self) -> CalibrationSettings:
        if self.role == "alarm":
            raise ValueError("calibration decides on its interval; role: alarm is for losses")
        if self.max_ece is None and self.slope_within is None and self.intercept_within is None:
            raise ValueError("at least one of max_ece, slope_within and intercept_within is needed")
        return self
