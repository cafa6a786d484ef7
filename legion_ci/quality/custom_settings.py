"""What a custom check may say in ``legion.yaml``."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from legion_ci.settings.schema import Alpha, CheckSettings


class CustomSettings(CheckSettings):
    """A function of the model repository, called as ``function(rows, predictions, **arguments)`` with two Arrow tables in the
    candidate's environment, in a process of its own.

    It returns: a truth value (the outcome); a number or a list with a number for each row (its mean, with a bootstrap interval),
    both held against min or max; a dictionary with ``outcome`` (PASS, FAIL, INCONCLUSIVE), and if it likes ``value``, ``lower``,
    ``upper``, ``message``; or a dictionary of names to any of these. Only an interval leads to INCONCLUSIVE: a bare number
    is taken at its word.
    """

    use: str = "custom"
    function: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    arguments: dict[str, Any] = Field(default_factory=dict)
    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)
    alpha: Alpha | None = None

    @model_validator(mode="after")
    def _coherent(self) -> CustomSettings:
        if self.role == "alarm":
            raise ValueError("a custom check decides by itself; role: alarm is for losses")
        if self.min is not None and self.max is not None:
            raise ValueError("one of min and max; check the two in two checks")
        return self

    @property
    def needs_all_rows(self) -> bool:
        """A function may count what it likes."""
        return True

    @property
    def reads_code(self) -> bool:
        """The function is the repository's own code."""
        return True
