"""The line of the settings that asked for each budget and claim, put into a result before it becomes a record."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from legion_ci.results import BudgetResult, Claim, PerfResult, PromoteResult, StageResult
from legion_ci.settings.yaml import Key

_BUDGET = re.compile(r"perf\.budgets\[(\d+)\]")


def located(result: StageResult, origins: Mapping[Key, str], guardrails: tuple[str, ...] = ()) -> StageResult:
    """The result with ``file:line:column`` wherever the settings have one; a default has none and keeps its path.

    guardrails: as ``promote.guardrails`` holds them, since a claim knows only its text.
    """
    if isinstance(result, PerfResult):
        return replace(result, budgets=tuple(_budget(b, origins) for b in result.budgets))
    if isinstance(result, PromoteResult):
        return replace(result, claims=tuple(_claim(c, origins, guardrails) for c in result.claims))
    return result


def _budget(budget: BudgetResult, origins: Mapping[Key, str]) -> BudgetResult:
    match = _BUDGET.fullmatch(budget.where)
    place = _nearest(("perf", "budgets", int(match[1])), 2, origins) if match else ""
    return replace(budget, where=place) if place else budget


def _claim(claim: Claim, origins: Mapping[Key, str], guardrails: tuple[str, ...]) -> Claim:
    if claim.role == "guardrail":
        key: Key = ("promote", "guardrails", *([guardrails.index(claim.name)] if claim.name in guardrails else []))
        return replace(claim, where=_nearest(key, 2, origins) or "promote.guardrails")
    place = origins.get(("promote", "margin")) or _nearest(("promote", "metric"), 1, origins)
    return replace(claim, where=place or "promote.metric")


def _nearest(key: Key, least: int, origins: Mapping[Key, str]) -> str:
    """The place of a setting, else of what it is in, no further up than ``least`` words."""
    return next((origins[key[:n]] for n in range(len(key), least - 1, -1) if key[:n] in origins), "")
