"""The page of the promotion: what moved, the claims with their always-valid bounds, the looks one by one."""

from __future__ import annotations

from legion_ci.report import explain, looks, marks, parts, wording
from legion_ci.report.layout import PAGES, gate_banner, page
from legion_ci.report.looks import Look
from legion_ci.report.markup import Child, Node, html
from legion_ci.report.parts import Column
from legion_ci.report.pictures import sequence, traffic
from legion_ci.report.pictures.intervals import Bar, against_bounds
from legion_ci.report.records import Story
from legion_ci.results import Claim, PromoteResult

TRAFFIC, CLAIMS, SPLIT = "promote-traffic.svg", "promote-claims.svg", "promote-split.svg"
_MOST_LOOKS, _MOST_CLAIMS = 300, 8
ACTIONS = {
    "advance": "moved on", "hold": "held", "rollback": "rolled back", "promoted": "promoted", "none": "nothing to do",
}  # fmt: skip


def pictures(result: PromoteResult) -> dict[str, str]:
    """SVG files: the split now, claims, traffic over the looks, and each claim's confidence sequence."""
    drawn = {SPLIT: traffic.split(result.share_after, _split_alt(result))}
    known = [c for c in result.claims if c.effect is not None]
    if known:
        drawn[CLAIMS] = against_bounds([_bar(c) for c in known], _claims_alt(result))
    seen = _looks(result)
    if seen:
        drawn[TRAFFIC] = traffic.draw(seen, result.share_after, _traffic_alt(result, seen))
        for file, name in _sequences(seen):
            drawn[file] = sequence.draw(seen, name, _sequence_alt(name, seen))
    return drawn


def render(story: Story, title: str, most_rows: int) -> str:
    """The page, with at most so many looks in the table."""
    result = story.promote
    content: list[Child] = [gate_banner(story.gate("promote"))]
    if result is not None:
        content += [
            _about(result),
            _claims(result),
            _traffic(result),
            _sequences_part(result),
            _table(result, most_rows),
        ]
    return page(story, title, PAGES["promote"], content)


def _looks(result: PromoteResult) -> list[Look]:
    return looks.thinned(looks.read(result)[0], _MOST_LOOKS)


def _sequences(seen: list[Look]) -> list[tuple[str, str]]:
    return [(f"promote-claim-{i}.svg", name) for i, name in enumerate(looks.claims_of(seen)[:_MOST_CLAIMS], 1)]


def _split_alt(result: PromoteResult) -> str:
    return f"{result.deployment} has {wording.share(result.share_after)} of the traffic"


def split_bar(result: PromoteResult) -> Node:
    """The share as a bar, for the overview too."""
    return html("img", {"class": "split", "src": SPLIT, "alt": _split_alt(result)})


def _about(result: PromoteResult) -> Node:
    units = ", ".join(f"{k.replace('_', ' ')} {wording.count(v)}" for k, v in result.units.items())
    coverage = ", ".join(f"{k} {wording.share(v)}" for k, v in result.coverage.items())
    ratio = None if result.sample_ratio_p is None else wording.p_value(result.sample_ratio_p)
    return parts.facts([
        ("Challenger", parts.name(result.deployment)),
        ("Champion", parts.name(result.champion) if result.champion else "none"),
        ("Action", ACTIONS.get(result.action, result.action)),
        ("Traffic", [f"{wording.share(result.share_before)} → {wording.share(result.share_after)}", split_bar(result)]),
        ("Next look", parts.time(result.next_look_at) if result.next_look_at else None),
        ("Units", units or None), ("With an outcome", coverage or None), ("Sample ratio", ratio),
    ])  # fmt: skip


def _bar(claim: Claim) -> Bar:
    units = f"{wording.count(claim.n_champion)} and {wording.count(claim.n_challenger)} units"
    return Bar(
        claim.name,
        str(claim.outcome),
        claim.effect,
        claim.lower,
        claim.upper,
        claim.bound,
        zero=True,
        note=f"{claim.role}, {units}",
    )


def _claims_alt(result: PromoteResult) -> str:
    return "Claims: " + "; ".join(f"{c.name}: {c.outcome}, {explain.claim(c)}" for c in result.claims)


def _claims(result: PromoteResult) -> Node | None:
    if not result.claims:
        return None
    columns = (
        Column("Claim", "name"), Column("Verdict"), Column("Gain", "num"), Column("Always-valid interval", "num"),
        Column("Asked", "num"), Column("Units, champion", "num"), Column("Units, challenger", "num"), Column("Why"),
    )  # fmt: skip
    drawn = None
    if any(c.effect is not None for c in result.claims):
        drawn = parts.picture(
            CLAIMS,
            _claims_alt(result),
            "Gains of the challenger. The bounds hold at every look, however often one looks.",
        )
    return parts.section(
        "Claims", drawn, parts.table("Claims at this look", columns, [_claim(c) for c in result.claims])
    )


def _claim(claim: Claim) -> list[Child]:
    places = wording.decimals_of(claim.lower, claim.upper)
    asked = wording.NONE if claim.bound is None else f"≥ {wording.number(claim.bound, signed=True)}"
    return [
        parts.name(claim.name), marks.badge(claim.outcome), wording.number(claim.effect, places, signed=True),
        wording.interval(claim.lower, claim.upper, signed=True), asked, wording.count(claim.n_champion),
        wording.count(claim.n_challenger),
        [wording.clip(claim.message, 220), " ", html("small", {}, " · ".join(t for t in (claim.role, wording.clip(claim.method, 160)) if t))],
    ]  # fmt: skip


def _traffic_alt(result: PromoteResult, seen: list[Look]) -> str:
    moves = ", ".join(
        f"{ACTIONS.get(k.action, k.action)} at {wording.share(k.share)}" for k in seen if k.action != "hold"
    )
    return f"The challenger's share over {wording.plural(len(seen), 'look')}: {moves or 'held'}; now {wording.share(result.share_after)}"


def _traffic(result: PromoteResult) -> Node | None:
    seen = _looks(result)
    if not seen:
        return None
    caption = "The challenger's share of live traffic; a sign where a look moved it. In shadow it answers copies that nobody sees."
    return parts.section("Traffic", parts.picture(TRAFFIC, _traffic_alt(result, seen), caption))


def _sequence_alt(name: str, seen: list[Look]) -> str:
    last = next((c for k in reversed(seen) if (c := k.claims.get(name))), None)
    if last is None or last.effect is None:
        return f"{name}: too little evidence for bounds"
    return f"{name} over the looks: last {wording.number(last.effect, signed=True)} {wording.interval(last.lower, last.upper, signed=True)}, {last.outcome}"


def _sequences_part(result: PromoteResult) -> Node | None:
    seen = _looks(result)
    files = _sequences(seen)
    if not files:
        return None
    drawn = [[html("h3", {}, parts.name(n)), parts.picture(f, _sequence_alt(n, seen))] for f, n in files]
    return parts.section("Evidence over the looks", drawn)


def _table(result: PromoteResult, most: int) -> Node | None:
    seen, lost = looks.read(result)
    if not seen and not lost:
        return None
    kept = looks.thinned(seen, most)[-most:]
    columns = (
        Column("Look"),
        Column("Step"),
        Column("Share", "num"),
        Column("Action"),
        Column("Units", "num"),
        Column("Why"),
    )
    rows = [_look(k) for k in reversed(kept)]
    broken = (
        parts.note(f"{wording.plural(lost, 'look')} in the record could not be read.", kind="warning") if lost else None
    )
    left = len(seen) - len(kept)
    more = parts.note(f"{wording.plural(left, 'more look')} in promote.json.") if left else None
    return parts.section("Looks", parts.table("Looks, newest first", columns, rows, "dense"), more, broken)


def _look(look: Look) -> list[Child]:
    units = " / ".join(wording.number(look.units.get(k)) for k in ("champion", "challenger"))
    return [
        parts.time(look.time) if look.time else wording.NONE, parts.name(look.step, 40), wording.share(look.share),
        ACTIONS.get(look.action, look.action), units, wording.clip(look.why or look.reason, 200),
    ]  # fmt: skip
