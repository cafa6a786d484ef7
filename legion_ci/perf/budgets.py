"""The grammar of budgets: ``p99 < 50ms``, ``errors < 0.2%``, and with k6's tags ``p99{endpoint: /invoke} < 50ms``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

import msgspec

from legion_ci.core.errors import ConfigurationError, Problem

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
TAGS = ("endpoint", "phase")
_TIMES_MS = {"us": 0.001, "µs": 0.001, "ms": 1.0, "s": 1000.0}
_KINDS = {**dict.fromkeys((*QUANTILES, "mean"), "time"), "errors": "share", "throughput": "rate"}
_SHAPES = {
    "time": ("<", "a time such as 50ms, 800us or 2s"),
    "share": ("<", "a percentage such as 0.2%"),
    "rate": (">", "a rate such as 100/s"),
}
_UNITS = {"time": _TIMES_MS, "share": {"%": 0.01}, "rate": {"/s": 1.0}}
_RESULT_UNITS = {"time": "ms", "share": "ratio", "rate": "1/s"}
_LINE = re.compile(r"\s*([A-Za-z][\w.]*)\s*(?:\{([^{}]*)\})?\s*([<>=]+)\s*(\d+(?:\.\d+)?)\s*([^\s\d.]*)\s*")


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """One budget. bound: in ``unit`` (ms, ratio or 1/s). quantile: 0..1 for ``p…`` metrics, else None.

    endpoint, phase: which requests it is about; "" all.
    """

    name: str
    metric: str
    kind: str  # time | share | rate
    bound: float
    unit: str
    quantile: float | None = None
    where: str = ""
    endpoint: str = ""
    phase: str = ""


def parse(lines: Sequence[str], where: str = "perf.budgets") -> tuple[Budget, ...]:
    """Budgets as written in the settings; raises ConfigurationError with every line that is none."""
    parsed = [_parse_line(line, f"{where}[{i}]") for i, line in enumerate(lines)]
    if problems := [p for p in parsed if isinstance(p, Problem)]:
        raise ConfigurationError(problems)
    return tuple(p for p in parsed if isinstance(p, Budget))


def _parse_line(line: str, where: str) -> Budget | Problem:
    match = _LINE.fullmatch(line)
    if match is None:
        return Problem(f"{line!r} is not a budget", where, "write for example 'p99 < 50ms' or 'errors < 0.2%'")
    metric, tags, sign, number, unit = match.groups()
    kind = _KINDS.get(metric)
    if kind is None:
        return Problem(f"there is no metric {metric!r} (in {line!r})", where, _nearest(metric, list(_KINDS)))
    if problem := _misshapen(line, metric, kind, sign, float(number), unit, where):
        return problem
    about = _tags(tags, line, where)
    if isinstance(about, Problem):
        return about
    return Budget(
        name=line.strip(),
        metric=metric,
        kind=kind,
        bound=float(number) * _UNITS[kind][unit],
        unit=_RESULT_UNITS[kind],
        quantile=QUANTILES.get(metric),
        where=where,
        **about,
    )


def _tags(text: str | None, line: str, where: str) -> dict[str, str] | Problem:
    """``endpoint: /invoke, phase: peak`` as a dictionary."""
    found: dict[str, str] = {}
    for part in (text or "").split(",") if text is not None else ():
        tag, _, value = (p.strip() for p in part.partition(":"))
        if tag not in TAGS:
            return Problem(f"there is no tag {tag!r} (in {line!r})", where, _nearest(tag, TAGS))
        if not value:
            return Problem(f"the tag {tag} has no value (in {line!r})", where, f"write for example {{{tag}: name}}")
        found[tag] = value
    return found


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"


def _misshapen(line: str, metric: str, kind: str, sign: str, number: float, unit: str, where: str) -> Problem | None:
    direction, example = _SHAPES[kind]
    if sign != direction:
        return Problem(f"{metric} is asked for with {sign!r} (in {line!r})", where, f"write {metric} {direction} …")
    if unit not in _UNITS[kind]:
        return Problem(f"{unit or 'no unit'!r} is not a unit of {metric} (in {line!r})", where, f"give {example}")
    if number <= 0 or (kind == "share" and number >= 100):
        return Problem(f"{number:g}{unit} can never decide anything (in {line!r})", where, f"give {example}")
    return None
