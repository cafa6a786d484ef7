"""The looks of a promotion, read leniently: pictures and tables are drawn from whatever can be understood."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from legion_ci.results import PromoteResult


class LookClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as one look saw it."""

    outcome: str = ""
    effect: float | None = None
    lower: float | None = None
    upper: float | None = None
    bound: float | None = None


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look. share: of the challenger when it was taken, 0..1."""

    time: str = ""
    step: str = ""
    share: float = 0.0
    action: str = ""
    reason: str = ""
    why: str = ""
    units: dict[str, int | float] = {}
    coverage: dict[str, float | None] = {}
    claims: dict[str, LookClaim] = {}


def read(result: PromoteResult) -> tuple[list[Look], int]:
    """The looks that are understood, in order, and how many are not."""
    found = []
    for raw in result.looks:
        try:
            found.append(msgspec.convert(raw, Look))
        except msgspec.ValidationError:
            continue
    return found, len(result.looks) - len(found)


def claims_of(looks: Sequence[Look]) -> list[str]:
    """Names of all claims in the order in which they appear."""
    return list(dict.fromkeys(name for look in looks for name in look.claims))


def thinned(looks: Sequence[Look], most: int) -> list[Look]:
    """At most about ``most`` looks: all that did something, the last, and evenly many of the others."""
    if len(looks) <= most:
        return list(looks)
    every = -(-len(looks) // most)
    return [k for i, k in enumerate(looks) if i % every == 0 or k.action != "hold" or i == len(looks) - 1]
