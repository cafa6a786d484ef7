"""What a set of rows shows besides the estimate: how many rows, both models' values, what a constant answer would reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from legion_ci.quality import constants
from legion_ci.quality.catalogue import Metric
from legion_ci.quality.estimates import point
from legion_ci.quality.sample import Sample, rarer


@dataclass(frozen=True)
class Seen:
    """n: rows; n_rare: those that limit what the metric can say. candidate, champion: values of the metric.

    floor: the value of the best answer that is always the same, None where that means nothing; asked for when needed.
    """

    n: int
    n_rare: int
    candidate: float | None
    champion: float | None
    floor: Callable[[], float | None]

    @property
    def values(self) -> dict[str, float | None]:
        """Both models' values, as a result names them."""
        return {"candidate": self.candidate, "champion": self.champion}


def of(metric: Metric, sample: Sample) -> Seen:
    """Of rows in memory."""
    champion = None if sample.champion is None else point(metric, sample.of_champion())
    return Seen(
        len(sample),
        rarer(metric, sample),
        point(metric, sample.alone()),
        champion,
        lambda: constants.value(metric, sample),
    )
