"""JUnit XML: a case per check, slice, budget, claim and test, as Jenkins' JUnit plug-in reads it."""

from __future__ import annotations

from legion_ci.report import cases
from legion_ci.report.cases import Case
from legion_ci.report.markup import Node, element, xml
from legion_ci.report.records import Gate


def render(gate: Gate) -> str:
    """The file of one gate. Undecided cases are skipped with their reason; NO ALARM has passed, with what it could see."""
    found = cases.of(gate)
    failed = sum(c.outcome == "FAIL" for c in found)
    skipped = sum(c.outcome in ("INCONCLUSIVE", "NOT ASSESSED") for c in found)
    seconds = gate.record.seconds if gate.record else 0.0
    numbers: dict[str, str | int] = {
        "tests": len(found),
        "failures": failed,
        "errors": 0,
        "skipped": skipped,
        "time": f"{seconds:.3f}",
    }
    about = {"timestamp": gate.record.started_at[:19], "hostname": gate.record.host} if gate.record else {}
    suite = element(
        "testsuite", {"name": f"legion.{gate.stage}", **numbers, **about}, [_case(gate.stage, c) for c in found]
    )
    return xml(element("testsuites", {"name": "legion", **numbers}, suite))


def _case(stage: str, case: Case) -> Node:
    where = {"classname": f"legion.{stage}.{case.group}", "name": case.name, "time": f"{case.seconds:.3f}"}
    return element("testcase", where, _said(case), _output(case))


def _said(case: Case) -> Node | None:
    if case.outcome == "FAIL":
        return element("failure", {"message": _line(case.message), "type": "FAIL"}, case.message)
    if case.outcome in ("INCONCLUSIVE", "NOT ASSESSED"):
        return element("skipped", {"message": f"{case.outcome}: {_line(case.message)}"})
    return None


def _line(message: str) -> str:
    return " ".join(message.split())[:1000]


def _output(case: Case) -> Node | None:
    told = [f"{case.outcome}: {case.message}" if case.outcome in ("PASS", "NO ALARM") else "", case.output]
    text = "\n".join(t for t in told if t)
    return element("system-out", {}, text) if text else None
