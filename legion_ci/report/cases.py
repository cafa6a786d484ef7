"""Every check, budget, claim and test as one flat case: the source of JUnit, SARIF and the Markdown summary."""

from __future__ import annotations

from dataclasses import dataclass

from legion_ci.report import deploy, explain
from legion_ci.report.records import Gate
from legion_ci.results import DeployResult, PerfResult, PromoteResult, QualityResult, StageResult


@dataclass(frozen=True)
class Case:
    """One thing that was asked. outcome: PASS, FAIL, INCONCLUSIVE, NO ALARM or NOT ASSESSED. where: file:line.

    group: of the kind (metric, budgets, metric or guardrail, tests). output: what else should be kept.
    """

    group: str
    name: str
    outcome: str
    message: str
    where: str = ""
    output: str = ""
    seconds: float = 0.0


def of(gate: Gate) -> list[Case]:
    """A stage's cases; one named ``record`` or ``verdict`` where they alone do not tell what the gate says."""
    if gate.problem:
        return [Case("record", "record", "FAIL", gate.problem)]
    if gate.result is None:
        return []
    cases = _cases(gate.result)
    return cases if _implied(cases) == str(gate.result.verdict) else [*cases, _verdict(gate.result)]


def _cases(result: StageResult) -> list[Case]:
    if isinstance(result, QualityResult):
        return [_check(result, i) for i in range(len(result.checks))]
    if isinstance(result, PerfResult):
        return _budgets(result)
    if isinstance(result, PromoteResult):
        return [Case(c.role, c.name, str(c.outcome), explain.claim(c), c.where, c.method) for c in result.claims]
    if isinstance(result, DeployResult):
        return [
            Case("tests", t.name, deploy.OUTCOMES.get(t.outcome, "FAIL"), t.message or t.outcome, seconds=t.seconds)
            for t in result.tests
        ]
    return []


def _check(result: QualityResult, index: int) -> Case:
    check = result.checks[index]
    name = f"{check.name} [{check.slice}]" if check.slice else check.name
    output = "; ".join(t for t in (explain.smallest_loss(check), check.method) if t)
    return Case(check.metric, name, str(check.outcome), explain.check(check), check.where, output)


def _budgets(result: PerfResult) -> list[Case]:
    """Budgets of a load that was not as planned have figures and no say."""
    why = explain.invalid(result)
    about = "{why} (measured {told})" if why else "{told}"
    return [
        Case("budgets", b.name, str(b.outcome), about.format(why=why, told=explain.budget(b)), b.where)
        for b in explain.budgets(result)
    ]


def _implied(cases: list[Case]) -> str:
    words = {c.outcome for c in cases}
    return "FAIL" if "FAIL" in words else "INCONCLUSIVE" if "INCONCLUSIVE" in words else "PASS" if words else ""


def _verdict(result: StageResult) -> Case:
    told = f"{result.summary or result.reason}{'; ' if result.more_data else ''}{result.more_data}"
    return Case("verdict", "verdict", str(result.verdict), told)
