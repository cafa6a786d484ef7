"""A custom check judged: what the repository's function returned, turned into findings."""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np

from legion_ci.core.errors import Problem, ToolError
from legion_ci.quality import outcomes
from legion_ci.quality.checks import Evidence, Finding, Rows
from legion_ci.quality.custom_settings import CustomSettings
from legion_ci.quality.statistics import bootstrap
from legion_ci.quality.statistics.smooth import MEAN
from legion_ci.results import Outcome

_SAID = ("PASS", "FAIL", "INCONCLUSIVE")
_KNOWN = {"outcome", "value", "lower", "upper", "message"}


def problems(settings: CustomSettings, rows: Rows, where: str) -> list[Problem]:
    """None before it runs: whether there is such a function is known in the candidate's environment."""
    return []


def judge(settings: CustomSettings, evidence: Evidence, where: str) -> list[Finding]:
    """One finding a value; ToolError when the function raises or returns what is no answer."""
    tables = {"rows": evidence.rows.table, "predictions": evidence.answers.table}
    told = evidence.asked.call(settings.function, tables, settings.arguments, where)
    if isinstance(told, dict) and "outcome" not in told:
        if not told:
            raise _no_answer(settings, told, where)
        return [_finding(settings, evidence, where, str(name), value) for name, value in told.items()]
    return [_finding(settings, evidence, where, "", told)]


def _finding(settings: CustomSettings, evidence: Evidence, where: str, name: str, told: Any) -> Finding:
    n = len(evidence.rows.table)
    if isinstance(told, bool):
        outcome = Outcome.PASS if told else Outcome.FAIL
        message = f"{settings.function} says {told}"
        return _reasoned(outcomes.result(settings, where, name, outcome, n=n, message=message))
    if isinstance(told, dict) and told.get("outcome") in _SAID and set(told) <= _KNOWN:
        return _said(settings, where, name, told, n)
    if isinstance(told, list) and len(told) == n and n > 1 and all(_is_number(v) for v in told):
        return _mean(settings, evidence, where, name, np.array(told, dtype=np.float64))
    if _is_number(told):
        return _number(settings, where, name, float(told), n)
    raise _no_answer(settings, told, where)


def _said(settings: CustomSettings, where: str, name: str, told: dict[str, Any], n: int) -> Finding:
    figures = {ours: told.get(theirs) for ours, theirs in (("effect", "value"), ("lower", "lower"), ("upper", "upper"))}
    if any(v is not None and not _is_number(v) for v in figures.values()):
        raise _no_answer(settings, told, where)
    outcome = Outcome(told["outcome"])
    message = str(told.get("message") or f"{settings.function} says {outcome}")
    return _reasoned(
        outcomes.result(
            settings,
            where,
            name,
            outcome,
            n=n,
            message=message,
            candidate=figures["effect"],
            method=settings.function,
            **figures,
        )
    )


def _mean(settings: CustomSettings, evidence: Evidence, where: str, name: str, values: np.ndarray) -> Finding:
    gate = evidence.rows.settings
    bound, at_most = _bound(settings, where)
    rng = np.random.default_rng((gate.seed & 0xFFFFFFFF, zlib.crc32(f"{settings.function} {name}".encode())))
    reach = float(np.ptp(values)) or float(np.max(np.abs(values))) or 1.0
    found = bootstrap.of_rows(MEAN, values[:, None], reach=reach, replicates=gate.resamples, rng=rng)
    return outcomes.bounded(
        settings, where, name, effect=found.effect, interval=found.interval(settings.alpha or gate.alpha), bound=bound,
        at_most=at_most, n=len(values), alpha=settings.alpha or gate.alpha, method=f"mean of {settings.function}, {found.method}",
    )  # fmt: skip


def _number(settings: CustomSettings, where: str, name: str, value: float, n: int) -> Finding:
    bound, at_most = _bound(settings, where)
    good = value <= bound if at_most else value >= bound
    facts = {
        "candidate": value,
        "effect": value,
        "bound": bound,
        "at_most": at_most,
        "n": n,
        "method": settings.function,
    }
    message = f"{value:.6g}, taken at its word: a number without an interval"
    return _reasoned(
        outcomes.result(settings, where, name, Outcome.PASS if good else Outcome.FAIL, message=message, **facts)
    )


def _bound(settings: CustomSettings, where: str) -> tuple[float, bool]:
    if settings.max is not None:
        return settings.max, True
    if settings.min is None:
        raise ToolError(
            f"{settings.function} returned a number, and there is nothing to hold it against", where=where,
            todo="set min or max, or return the outcome",
        )  # fmt: skip
    return settings.min, False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _reasoned(result: Any) -> Finding:
    reasons = {Outcome.FAIL: "custom", Outcome.INCONCLUSIVE: "custom"}
    return Finding(result, reasons.get(result.outcome, ""))


def _no_answer(settings: CustomSettings, told: Any, where: str) -> ToolError:
    text = str(told)
    return ToolError(
        f"{settings.function} returned what is no answer ({text[:80]}{'…' if len(text) > 80 else ''})", where=where,
        todo="return True or False, a finite number, one number for each row, or {outcome: PASS, value: 0.1, message: …}",
    )  # fmt: skip
