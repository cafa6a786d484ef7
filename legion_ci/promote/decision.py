"""From what a look sees to what is done: advance, hold or roll back. Pure; every way to hold says what would help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from legion_ci.promote.evidence import SHADOW
from legion_ci.promote.sight import Sight
from legion_ci.results import Claim, Outcome
from legion_ci.settings.schema import PromoteSettings

SOUND = 0.001  # level of the tests of the experiment itself
_MIN_COPIED = 0.9


@dataclass(frozen=True)
class Decision:
    """action: advance | hold | rollback. why: one line. more: what would decide, or help. wait_until: seconds since the
    epoch before which nothing can change; None: unknown.
    """

    action: str
    reason: str
    why: str
    more: str = ""
    wait_until: float | None = None


@dataclass(frozen=True)
class Circumstances:
    """What the decision depends on besides the evidence. fields: what outcome payloads hold. held_by: a reason why an
    earlier gate keeps traffic from moving on; empty when none does.
    """

    settings: PromoteSettings
    now: float
    fields: tuple[str, ...] = ()
    unmatched: int = 0
    held_by: str = ""


def decide(sight: Sight, about: Circumstances) -> Decision:
    """The first rule that has something to say wins; when none has, the traffic moves one step."""
    return next((d for rule in _RULES if (d := rule(sight, about))), None) or Decision(
        "advance", "", f"every claim holds at step {sight.step.name}"
    )


def _hold(reason: str, why: str, more: str = "", wait_until: float | None = None) -> Decision:
    return Decision("hold", f"hold.{reason}", why, more, wait_until)


def _failed(claim: Claim) -> Decision:
    numbers = f"gain {claim.effect:.4g}, at most {claim.upper:.4g}" if claim.upper is not None else ""
    kind = "metric" if claim.role == "metric" else "guardrail"
    return Decision("rollback", f"{kind}_failed", f"{claim.name}: worse than allowed ({numbers}; {claim.message})")


def _broken_guardrail(s: Sight, a: Circumstances) -> Decision | None:
    """Before all tests of the experiment: a model that breaks also spoils those."""
    failed = s.failed
    return _failed(failed) if failed and failed.role == "guardrail" else None


def _no_traffic(s: Sight, a: Circumstances) -> Decision | None:
    if s.seen[1]:
        return None
    if s.step.name == SHADOW and s.copied == 0:
        return _hold("no_copies", "requests reach the champion, but no copies reach the challenger",
                     "see whether the challenger runs: legion-ci status")  # fmt: skip
    return _hold("no_traffic", f"no unit has reached the challenger at step {s.step.name}",
                 "send traffic to the gateway's address (a deployment's own address is never evidence)")  # fmt: skip


def _sample_ratio(s: Sight, a: Circumstances) -> Decision | None:
    if s.sample_ratio_p >= SOUND:
        return None
    return _hold(
        "sample_ratio",
        f"{s.seen[1]} of {sum(s.seen)} units are in the challenger's arm at a share of {s.step.name} % "
        f"(p = {s.sample_ratio_p:.2g}): units are lost in one arm, so no comparison is valid",
        "see which arm loses requests (crashes, time-outs, redirects, capture), roll back, repair and start again",
    )


def _arrival(s: Sight, a: Circumstances) -> Decision | None:
    if s.arrival_p >= SOUND or a.settings.missing == "negative":
        return None
    return _hold(
        "coverage",
        f"outcomes arrive for {s.coverage[0]:.1%} of the champion's and {s.coverage[1]:.1%} of the challenger's units "
        f"(p = {s.arrival_p:.2g})",
        "a longer promote.window lets the slower arm's outcomes arrive; the arms cannot be compared before",
    )


def _failed_metric(s: Sight, a: Circumstances) -> Decision | None:
    return _failed(s.failed) if s.failed else None


def _no_setting(s: Sight, a: Circumstances) -> Decision | None:
    if a.settings.outcome is not None:
        return None
    return _hold("no_outcome_setting", "promote.outcome is not set, so nothing says which model is better",
                 f"set it to the field of the feedback payload that holds what really happened{_seen(a.fields)}")  # fmt: skip


def _seen(fields: Sequence[str]) -> str:
    return f" (seen: {', '.join(fields)})" if fields else ""


def _copies(s: Sight, a: Circumstances) -> Decision | None:
    if s.step.name != SHADOW or s.copied >= _MIN_COPIED:
        return None
    return _hold("copies", f"only {s.copied:.0%} of the champion's requests have an answer of the challenger",
                 "see the challenger's log and whether its capture drops anything: legion-ci status")  # fmt: skip


def _immature(s: Sight, a: Circumstances) -> Decision | None:
    if s.mature[1] >= a.settings.min_units:
        return None
    missing = a.settings.min_units - s.mature[1]
    if s.seen[1] >= a.settings.min_units:
        return _hold("immature", f"{s.mature[1]} units' windows of {a.settings.window:g} s are over",
                     f"{missing} more are needed; their requests have been made already", s.next_mature_at)  # fmt: skip
    return _hold("few_units", f"{s.seen[1]} units in the challenger's arm at step {s.step.name}",
                 f"{a.settings.min_units - s.seen[1]} more are needed (promote.min_units)", s.next_mature_at)  # fmt: skip


def _no_outcomes(s: Sight, a: Circumstances) -> Decision | None:
    if any(s.covered) or a.settings.missing == "negative":
        return None
    field, window = a.settings.outcome, a.settings.window
    if s.problems and s.outcomes:
        return _hold("no_scores", f"outcomes came, but could not be scored: {_first(s.problems)}")
    if s.late_outcomes:
        more = f"all came more than promote.window ({window:g} s) after the request; make it longer"
    elif a.fields and field not in a.fields:
        more = f"no payload has the field {field!r}{_seen(a.fields)}; set promote.outcome"
    elif a.unmatched:
        more = f"{a.unmatched} outcomes name request ids that were never served; send the Request-Id of the answer"
    else:
        more = "POST them to /api/v1/feedback with request-id, model-name and model-version"
    return _hold("no_outcomes", f"no outcome is known for {_units(s.mature, s)} units whose window is over", more)


def _units(arms: tuple[int, int], s: Sight) -> int:
    return arms[1] if s.step.name == SHADOW else sum(arms)  # in shadow both arms have the same units


def _first(problems: dict[str, int]) -> str:
    return "; ".join(f"{text} ({n} times)" for text, n in sorted(problems.items(), key=lambda p: -p[1])[:3])


def _low_coverage(s: Sight, a: Circumstances) -> Decision | None:
    if min(s.coverage) >= a.settings.min_coverage or a.settings.missing == "negative":
        return None
    return _hold(
        "low_coverage",
        f"outcomes are known for {s.coverage[0]:.0%} (champion) and {s.coverage[1]:.0%} (challenger) of the units, "
        f"{a.settings.min_coverage:.0%} are asked for (promote.min_coverage)",
        f"{s.late_outcomes} outcomes came after promote.window" if s.late_outcomes else "more outcomes are needed",
    )


def _duration(s: Sight, a: Circumstances) -> Decision | None:
    until = s.step.started + a.settings.min_duration
    if a.now >= until:
        return None
    return _hold("duration", f"step {s.step.name} has lasted {a.now - s.step.started:.0f} s of {a.settings.min_duration:g} s",
                 f"{until - a.now:.0f} s more", until)  # fmt: skip


def _undecided(s: Sight, a: Circumstances) -> Decision | None:
    if s.step.name == SHADOW and a.settings.metric == "value":
        open_ = [c for c in s.claims if c.outcome is not Outcome.PASS and c.role != "metric"]  # a copy causes no value
    else:
        open_ = [c for c in s.claims if c.outcome is not Outcome.PASS]
    if not open_:
        return None
    what = "; ".join(f"{c.name} ({_bounds(c)})" for c in open_)
    return _hold("undecided", f"not decided yet: {what}", "; ".join(f"{c.name}: {c.message}" for c in open_))


def _bounds(c: Claim) -> str:
    if c.lower is None or c.upper is None:
        return "no bounds yet"
    return f"gain between {c.lower:.4g} and {c.upper:.4g}, asked for more than {c.bound:.4g}"


def _held(s: Sight, a: Circumstances) -> Decision | None:
    if not a.held_by:
        return None
    return _hold(a.held_by, f"{a.held_by} was INCONCLUSIVE, so that no live traffic moves (promote.on_inconclusive)",
                 f"decide {a.held_by} first")  # fmt: skip


_RULES: tuple[Callable[[Sight, Circumstances], Decision | None], ...] = (
    _broken_guardrail, _no_traffic, _sample_ratio, _arrival, _failed_metric, _no_setting, _copies, _immature,
    _no_outcomes, _low_coverage, _duration, _undecided, _held,
)  # fmt: skip
