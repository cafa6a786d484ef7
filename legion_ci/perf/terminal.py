"""The end of a load as people know it from k6: budgets with a mark, then the figures."""

from __future__ import annotations

from collections.abc import Sequence

from legion_ci.perf.figures import Row
from legion_ci.results import BudgetResult, Outcome, PerfResult

_MARKS = {Outcome.PASS: "✓", Outcome.FAIL: "✗"}
_WIDTH = 34


def summary(said: PerfResult, rows: Sequence[Row]) -> str:
    """Several lines without a trailing newline."""
    lines = [_budget(b) for b in said.budgets]
    for row in rows:
        lines.extend(_generator(row) if row.scope == "generator" else _load(row))
    lines.append(_line("load", said.tool))
    return "\n".join(lines)


def _line(name: str, text: str) -> str:
    return f"  {name + ' ':.<{_WIDTH}} {text}"


def _budget(budget: BudgetResult) -> str:
    mark = _MARKS.get(budget.outcome, "?")
    bounds = f" [{_value(budget.lower, budget.unit)}, {_value(budget.upper, budget.unit)}]"
    return _line(f"{mark} {budget.name}", f"{_value(budget.value, budget.unit)}{bounds}")


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.3g} %" if unit == "ratio" else f"{value:.4g} {'/s' if unit == '1/s' else unit}"


def _load(row: Row) -> list[str]:
    about = f"{{{row.scope}: {row.name}}}" if row.name else ""
    return [
        _line(f"requests{about}", f"{row.requests:,}  {row.rate:.4g}/s"),
        _line(f"errors{about}", f"{100 * row.error_share:.3g} %  {row.errors:,} of {row.requests:,}"),
        _line(f"latency{about}", _times(row)),
    ]


def _generator(row: Row) -> list[str]:
    return [_line("the generator's own latency", f"{_times(row)} ({row.requests} probes)")]


def _times(row: Row) -> str:
    return " ".join(f"{name}={_short(ms)}" for name, ms in row.percentiles_ms.items())


def _short(ms: float) -> str:
    return f"{ms / 1000:.3g}s" if ms >= 1000 else f"{ms:.4g}ms" if ms >= 1 else f"{1000 * ms:.0f}µs"
