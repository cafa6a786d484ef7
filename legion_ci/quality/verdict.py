"""From findings to the run's verdict: any FAIL, else anything undecided that is required, else PASS."""

from __future__ import annotations

from collections.abc import Sequence

from legion_ci.quality.checks import Finding
from legion_ci.results import Outcome, Verdict


def of(findings: Sequence[Finding], on_unassessed: str) -> tuple[Verdict, str]:
    """The verdict and its reason. on_unassessed: ``note`` lets declared slices without enough rows be."""
    failed = [f for f in findings if f.result.outcome is Outcome.FAIL]
    if failed:
        return Verdict.FAIL, failed[0].reason or ("alarm" if failed[0].result.role == "alarm" else "bound_missed")
    undecided = [f for f in findings if f.result.outcome is Outcome.INCONCLUSIVE]
    silent = [f for f in findings if f.blocks and on_unassessed == "inconclusive"]
    if undecided or silent:
        return Verdict.INCONCLUSIVE, (undecided or silent)[0].reason
    return Verdict.PASS, ""


def summary(verdict: Verdict, findings: Sequence[Finding], n_rows: int) -> str:
    """One line for people: ``PASS: 2 of 2 required checks, 19 slices without alarm, 27,075 rows``."""
    required = [
        f.result for f in findings if f.result.role == "require" and f.result.outcome is not Outcome.NOT_ASSESSED
    ]
    passed = sum(r.outcome is Outcome.PASS for r in required)
    alarms = [f.result for f in findings if f.result.role == "alarm"]
    raised = [r for r in alarms if r.outcome is Outcome.FAIL]
    quiet = sum(r.outcome is Outcome.NO_ALARM for r in alarms)
    parts = [
        f"{passed} of {_plural(len(required), 'required check')}",
        f"{_plural(len(raised), 'alarm')} ({', '.join(r.slice or r.name for r in raised[:3])})" if raised else "",
        f"{_plural(quiet, 'slice')} without alarm" if quiet else "",
        _unassessed(findings),
        f"{n_rows:,} rows",
    ]
    return f"{verdict}: " + ", ".join(p for p in parts if p)


def more_data(findings: Sequence[Finding], n_rows: int) -> str:
    """How many evaluation rows would decide what is undecided; empty when rows are not what is missing."""
    open_ones = [f for f in findings if f.result.outcome is Outcome.INCONCLUSIVE or f.blocks]
    wanted = [
        (f.rows_needed, f.result)
        for f in open_ones
        if (f.rows_needed and f.rows_needed > n_rows) or (f.blocks and f.rows_needed)
    ]
    if not wanted:
        return ""
    most, result = max(wanted, key=lambda w: w[0] or 0)
    about = f" with {result.slice}" if result.slice else ""
    return f"about {most:,} evaluation rows{about} would decide {result.name!r} (80 % power)"


def _unassessed(findings: Sequence[Finding]) -> str:
    results = [f.result for f in findings if f.result.outcome is Outcome.NOT_ASSESSED]
    slices = sum(bool(r.slice) for r in results)
    whole = len(results) - slices
    told = [f"{_plural(slices, 'slice')} not assessed" if slices else "",
            f"{_plural(whole, 'check')} not assessed (first model, no champion)" if whole else ""]  # fmt: skip
    return ", ".join(t for t in told if t)


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
