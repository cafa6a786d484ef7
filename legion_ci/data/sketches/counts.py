"""A mergeable count of a column's values: exact up to a cap, then the rarest are counted together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CAP = 1000


@dataclass
class Counts:
    """counts: of the values as text. other: rows of values that were too rare to be kept."""

    cap: int = CAP
    n: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    other: int = 0

    def update(self, counted: Mapping[str, int]) -> None:
        """Take in counts of values."""
        self.n += sum(counted.values())
        for value, count in counted.items():
            self.counts[value] = self.counts.get(value, 0) + count
        self._shrink()

    def merge(self, other: Counts) -> None:
        """Take in all that another count has seen; exact while neither has reached its cap."""
        self.n += other.other
        self.other += other.other
        self.update(other.counts)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; values in their order."""
        return {"cap": self.cap, "n": self.n, "counts": dict(sorted(self.counts.items())), "other": self.other}

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Counts:
        """From what ``to_dict`` gave."""
        return cls(
            int(told["cap"]), int(told["n"]), {str(v): int(c) for v, c in told["counts"].items()}, int(told["other"])
        )

    def _shrink(self) -> None:
        """Ten times the cap is bearable between batches; what is kept are the most frequent, by name among equals."""
        if len(self.counts) <= 10 * self.cap:
            return
        ordered = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        self.other += sum(c for _, c in ordered[self.cap :])
        self.counts = dict(ordered[: self.cap])
