"""Calibration curves and drifted columns on the quality page, from the details that the checks leave in the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from legion_ci.report import explain, parts, wording
from legion_ci.report.markup import Node
from legion_ci.report.parts import Column
from legion_ci.report.pictures import curve, shares
from legion_ci.report.pictures.curve import Axes, Line
from legion_ci.report.pictures.shares import Bin
from legion_ci.results import CheckResult, QualityResult

_RELIABILITY, _SHARES = ("rows", "said", "came"), ("bin", "training", "evaluation")
_MOST_CURVES, _MOST_COLUMNS = 4, 6


def pictures(result: QualityResult) -> dict[str, str]:
    """SVG files of the calibration curves and of the columns that drifted most."""
    curves = {_file("calibration", i): _curve(c) for i, c in enumerate(_with(result, _RELIABILITY)[:_MOST_CURVES], 1)}
    columns = {_file("drift", i): _columns(c) for i, c in enumerate(_drifted(result)[:_MOST_COLUMNS], 1)}
    return curves | columns


def sections(result: QualityResult) -> list[Node]:
    """Their sections; none where nothing was measured."""
    return [s for s in (_calibration(_with(result, _RELIABILITY)), _drift(_drifted(result))) if s]


def _file(kind: str, number: int) -> str:
    return f"quality-{kind}-{number}.svg"


def _with(result: QualityResult, keys: Sequence[str]) -> list[CheckResult]:
    return [c for c in result.checks if c.details and set(keys) <= set(c.details[0])]


def _drifted(result: QualityResult) -> list[CheckResult]:
    """One check a column, that nearest to its bound or furthest beyond it first."""
    found: dict[str, CheckResult] = {}
    for check in explain.worst_first(tuple(_with(result, _SHARES))):
        found.setdefault(check.column or check.name, check)
    return list(found.values())


def _points(check: CheckResult) -> list[tuple[float, float]]:
    known = ((d["said"], d["came"]) for d in check.details if d["rows"])
    return sorted((float(x), float(y)) for x, y in known)


def _curve(check: CheckResult) -> str:
    points = _points(check)
    low, high = points[0][0], points[-1][0]
    lines = [Line("", [(low, low), (high, high)], "champion"), Line("", points)]
    return curve.draw(lines, Axes("probability that the model said", "came"), _curve_alt(check))


def _curve_alt(check: CheckResult) -> str:
    worst = max(check.details, key=lambda d: abs(d["came"] - d["said"]) if d["rows"] else -1)
    return (
        f"{check.name}: {check.outcome}. Furthest from the diagonal: the model said {wording.number(worst['said'])}, "
        f"{wording.number(worst['came'])} came, of {wording.count(worst['rows'])} rows."
    )


def _calibration(checks: Sequence[CheckResult]) -> Node | None:
    if not checks:
        return None
    drawn = [
        parts.picture(
            _file("calibration", i),
            _curve_alt(c),
            "The share that came by the probability that the model said. On the grey line they are equal.",
        )
        for i, c in enumerate(checks[:_MOST_CURVES], 1)
    ]
    return parts.section("Calibration", drawn, [_table(c, ("Said", "Came"), ("said", "came")) for c in checks])


def _table(check: CheckResult, titles: Sequence[str], keys: Sequence[str]) -> Node:
    columns = (*(Column(t, "num") for t in titles), Column("Rows", "num"))
    rows = [[*(wording.number(d[k]) for k in keys), wording.count(d["rows"])] for d in check.details]
    return parts.folded(f"{wording.clip(check.name, 80)}: the figures", parts.table(check.name, columns, rows))


def _columns(check: CheckResult) -> str:
    bins = [Bin(str(d["bin"]), float(d["training"]), float(d["evaluation"])) for d in check.details]
    return shares.draw(bins, ("training", "evaluation"), _columns_alt(check))


def _columns_alt(check: CheckResult) -> str:
    most: dict[str, Any] = max(check.details, key=lambda d: abs(d["evaluation"] - d["training"]))
    return (
        f"{check.column or check.name}: {check.outcome}, {' '.join(explain.measured(check))}. Moved most: {most['bin']}, "
        f"from {wording.share(most['training'])} to {wording.share(most['evaluation'])}."
    )


def _drift(checks: Sequence[CheckResult]) -> Node | None:
    if not checks:
        return None
    drawn = [
        parts.picture(_file("drift", i), _columns_alt(c), f"{wording.clip(c.name, 80)}: {str(c.outcome).lower()}.")
        for i, c in enumerate(checks[:_MOST_COLUMNS], 1)
    ]
    rest = len(checks) - _MOST_COLUMNS
    more = parts.note(f"{wording.plural(rest, 'more column')} in the table above.") if rest > 0 else None
    return parts.section("Training data against these rows, worst first", drawn, more)
