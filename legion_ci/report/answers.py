"""The four questions of a reviewer, each answered in a few words with the figures behind them."""

from __future__ import annotations

from dataclasses import dataclass

from legion_ci.report import changes, explain, wording
from legion_ci.report.layout import LINEAGE, said
from legion_ci.report.records import Story
from legion_ci.results import CheckResult, Outcome, PromoteResult, QualityResult


@dataclass(frozen=True)
class Answer:
    """question: as asked. word: the verdict behind it. short: the answer. lines: (what, figures).

    stage: the stage whose page says more, or the file of another page.
    """

    question: str
    word: str
    short: str
    lines: tuple[tuple[str, str], ...] = ()
    stage: str = ""


def all_of(story: Story) -> tuple[Answer, ...]:
    """Is it better, is it fast enough, who gets it, what changed since the last promoted build."""
    return better(story), fast(story), who(story), changed(story)


def better(story: Story) -> Answer:
    """From the quality gate: against the live model where there is one."""
    question, gate, result = "Is it better?", story.gate("quality"), story.quality
    if result is None:
        return Answer(question, said(gate), gate.problem or "Not known: the quality gate has not run.", stage="quality")
    key = [c for c in explain.worst_first(result.checks) if not c.slice and c.outcome is not Outcome.NOT_ASSESSED]
    lines = [(c.name, " ".join(explain.measured(c))) for c in key[:3]]
    return Answer(question, said(gate), _better(result, key), (*lines, *_slices(result)), "quality")


def _better(result: QualityResult, key: list[CheckResult]) -> str:
    versus = [c for c in key if c.versus and c.role == "require"]
    if result.verdict == "FAIL":
        failed = [c for c in result.checks if c.outcome is Outcome.FAIL]
        return (
            "No: worse than the live model." if any(c.versus for c in failed) else "No: below the bound that is asked."
        )
    if result.verdict == "INCONCLUSIVE":
        return "These rows cannot tell."
    if result.champion is None:
        return "Good enough. It is the first, so there is nothing to be better than."
    if any(c.lower is not None and c.lower > 0 for c in versus):
        return "Yes: a gain is shown."
    return "Not worse: no loss beyond the margin." if versus else "Good enough; not compared with the live model."


def _slices(result: QualityResult) -> list[tuple[str, str]]:
    alarms = [c for c in result.checks if c.slice]
    if not alarms:
        return []
    told = [
        f"{sum(c.outcome is o for c in alarms)} {o.lower()}"
        for o in (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS, Outcome.NO_ALARM, Outcome.NOT_ASSESSED)
        if any(c.outcome is o for c in alarms)
    ]
    return [(wording.plural(len(alarms), "slice"), ", ".join(told))]


def fast(story: Story) -> Answer:
    """From the performance gate."""
    question, gate, result = "Is it fast enough?", story.gate("perf"), story.perf
    if result is None:
        return Answer(question, said(gate), gate.problem or "Not known: the load test has not run.", stage="perf")
    short = {"PASS": "Yes, within every budget.", "FAIL": "No: over budget."}.get(
        result.verdict, "This test cannot tell."
    )
    if explain.invalid(result):
        short = "Not known: the load was not as planned."
    lines = [(b.name, " ".join(wording.measured(b.value, b.lower, b.upper, b.unit))) for b in result.budgets[:3]]
    lines.append(("load", f"{wording.number(result.achieved_rate)}/s for {wording.duration(result.duration_s)}"))
    return Answer(question, said(gate), short, tuple(lines), "perf")


def who(story: Story) -> Answer:
    """From the promotion."""
    question, gate, result = "Who gets it?", story.gate("promote"), story.promote
    if result is None:
        share = story.deploy.share if story.deploy else None
        short = (
            "Nobody yet: it is not deployed."
            if share is None
            else "Nobody yet: it runs beside the live model."
            if share == 0
            else "Not decided."
        )
        return Answer(question, said(gate), gate.problem or short, stage="promote")
    lines = [("traffic", f"{wording.share(result.share_before)} → {wording.share(result.share_after)}")]
    lines += [(c.name, " ".join(_claim(c.effect, c.lower, c.upper))) for c in result.claims[:2]]
    if (held_by := result.reason.removeprefix("hold.")) in ("quality", "perf"):
        lines.append(("held", f"{held_by} could not decide"))
    if result.next_look_at:
        lines.append(("next look", wording.moment(result.next_look_at)))
    return Answer(question, said(gate), _who(result), tuple(lines), "promote")


def _claim(effect: float | None, lower: float | None, upper: float | None) -> tuple[str, ...]:
    if effect is None:
        return ("no bounds yet",)
    return wording.number(effect, wording.decimals_of(lower, upper), signed=True), wording.interval(
        lower, upper, signed=True
    )


def _who(result: PromoteResult) -> str:
    share = wording.share(result.share_after)
    if result.action == "promoted" or (result.share_after >= 1 and result.verdict == "PASS"):
        return "Everybody: it is the champion."
    if result.verdict == "FAIL":
        return "Nobody: all traffic is with the champion."
    if result.share_after > 0:
        return f"{share} of the traffic."
    return "Nobody sees it yet: it answers copies." if result.step == "shadow" else "Nobody yet: 0 % of the traffic."


def changed(story: Story) -> Answer:
    """Against the last promoted build: findings first, then what the model is made of."""
    question, last = "What changed since the last promoted build?", story.last
    if last is None:
        return Answer(question, "NOT ASSESSED", "Nothing was promoted before.", _made(story), LINEAGE)
    found, differing = changes.findings(story), changes.differences(story)
    new = [f.case.outcome for f in found if f.state == changes.NEW]
    word = "FAIL" if "FAIL" in new else "INCONCLUSIVE" if new else "NO ALARM"
    findings = [("findings", changes.told(found)), ("compared with", f"{last.model}, {wording.moment(last.at)}")]
    lines = [(d.what, f"{d.then} → {d.now}") for d in differing if d.what != "model"][:3]
    short = f"{wording.plural(len(new), 'new finding')}." if new else "No new findings."
    return Answer(question, word, short, (*findings, *lines), LINEAGE)


def _made(story: Story) -> tuple[tuple[str, str], ...]:
    if story.train is None:
        return ()
    origin = story.train.provenance
    return (("commit", wording.short(origin.commit) + (", changed since" if origin.dirty else "")),)
