"""What a fairness check may say in ``legion.yaml``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from legion_ci.settings.schema import Alpha, CheckSettings

Measure = Literal["demographic_parity", "equal_opportunity", "equalised_odds", "predictive_parity"]


def _tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


class FairnessSettings(CheckSettings):
    """Rates of groups against a reference group's, by the model's own labels or a threshold.

    groups: columns; each value is a group. measures: demographic_parity (share said to be positive), equal_opportunity
    (of the positives), equalised_odds (of the positives and of the negatives), predictive_parity (share of right ones among
    those said to be positive). max_difference: between two rates; or min_ratio: of the smaller to the larger (0.8: the
    four-fifths rule). reference: column → value; default, the largest group. min_group: rows that a rate must rest on;
    default ``quality.min_rare``. role: require (default: every group must be shown to be within), or alarm (fails where a
    gap is shown, after Holm).
    """

    use: str = "fairness"
    groups: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = Field(min_length=1)
    measures: Annotated[tuple[Measure, ...], BeforeValidator(_tuple)] = Field(
        default=("demographic_parity",), min_length=1
    )
    max_difference: float | None = Field(default=None, gt=0, lt=1)
    min_ratio: float | None = Field(default=None, gt=0, lt=1)
    reference: dict[str, Any] = Field(default_factory=dict)
    threshold: float | None = Field(default=None, ge=0, le=1)
    positive: Any = None
    min_group: int | None = Field(default=None, ge=1)
    alpha: Alpha | None = None

    @model_validator(mode="after")
    def _coherent(self) -> FairnessSettings:
        if (self.max_difference is None) == (self.min_ratio is None):
            raise ValueError("exactly one of max_difference and min_ratio is needed")
        if self.role == "alarm" and self.alpha is not None:
            raise ValueError("alarms share quality.alpha (Holm's correction over all of them); leave alpha out")
        if unknown := [c for c in self.reference if c not in self.groups]:
            raise ValueError(f"reference names {', '.join(unknown)}, which groups does not")
        return self
