"""The laws of the split."""

import msgspec
import pytest
from deploy_site import model_ref
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.core.errors import ConfigurationError, OrderError, ToolError
from legion_ci.core.site import Site
from legion_ci.gateway import routes as document
from legion_ci.gateway.routes import WHOLE, Arm, Routes, Segment

CHALLENGERS = ("a", "b", "c")


def arm(name: str) -> Arm:
    return Arm(deployment=name, model=model_ref(), endpoint="127.0.0.1:9000")


def start() -> Routes:
    routes = Routes(arms=tuple(arm(n) for n in ("champion", *CHALLENGERS)))
    return document.promote(routes, "champion")


def ring(routes: Routes) -> list[str]:
    """The arm of every place of the hash ring."""
    return [s.deployment for s in routes.segments for _ in range(s.width)]


def moved(before: Routes, after: Routes) -> set[tuple[str, str]]:
    return {(x, y) for x, y in zip(ring(before), ring(after), strict=True) if x != y}


steps = st.lists(st.tuples(st.sampled_from(CHALLENGERS), st.integers(0, WHOLE)), max_size=8)


def walk(ramp):
    """Each change of a ramp that is to be had: the routes before, the changed arm, the routes after."""
    routes = start()
    for name, width in ramp:
        width = min(width, routes.width(name) + routes.width("champion"))
        changed = document.set_share(routes, name, width)
        yield routes, name, width, changed
        routes = changed


def end_of(ramp) -> Routes:
    return [start(), *(after for *_, after in walk(ramp))][-1]


@given(steps)
def test_a_change_moves_only_units_between_the_champion_and_the_changed_arm(ramp):
    for before, name, width, after in walk(ramp):
        grown = width >= before.width(name)
        assert moved(before, after) <= {("champion", name) if grown else (name, "champion")}


@given(steps)
def test_widths_add_up_and_each_arm_has_the_share_that_it_was_given(ramp):
    for before, name, width, after in walk(ramp):
        assert sum(s.width for s in after.segments) == WHOLE
        assert after.width(name) == width
        assert all(after.width(other) == before.width(other) for other in CHALLENGERS if other != name)
        assert document.check(after) == after


@given(steps)
def test_no_more_places_move_than_the_share_changes(ramp):
    for before, name, width, after in walk(ramp):
        places = sum(x != y for x, y in zip(ring(before), ring(after), strict=True))
        assert places == abs(width - before.width(name))


@given(steps, st.sampled_from(CHALLENGERS), st.integers(1, WHOLE))
def test_shrinking_gives_back_what_was_taken_last(ramp, name, by):
    routes = end_of(ramp)
    last = routes.segments[-1]
    by = min(by, last.width)
    if last.deployment != "champion":
        return
    grown = document.set_share(routes, name, routes.width(name) + by)
    assert ring(document.set_share(grown, name, routes.width(name))) == ring(routes)


@given(st.lists(st.integers(0, WHOLE), min_size=1, max_size=6))
def test_with_one_challenger_the_champion_is_last(widths):
    for *_, after in walk([("a", width) for width in widths]):
        assert [s.deployment for s in after.segments] in (["a", "champion"], ["champion"], ["a"])


@given(steps, st.sampled_from(CHALLENGERS))
def test_removing_a_challenger_gives_its_share_to_the_champion_only(ramp, name):
    routes = end_of(ramp)
    after = document.remove_arm(routes, name)
    assert moved(routes, after) <= {(name, "champion")}
    assert document.check(after).arm(name) is None


def test_promoting_keeps_the_old_champion_for_rollback_and_rolling_back_restores_it():
    routes = document.promote(document.set_share(start(), "a", 500), "a")
    assert (routes.champion, routes.previous, routes.share("a")) == ("a", "champion", 1.0)
    back = document.promote(routes, "champion")
    assert (back.champion, back.previous, back.share("champion")) == ("champion", "a", 1.0)


def test_the_champion_goes_only_when_it_is_the_last():
    with pytest.raises(OrderError, match="is the champion and other deployments exist"):
        document.remove_arm(start(), "champion")
    alone = document.promote(Routes(arms=(arm("x"),), feedback="127.0.0.1:1"), "x")
    assert document.remove_arm(alone, "x") == Routes(feedback="127.0.0.1:1")


def test_a_share_that_the_champion_does_not_have_is_refused():
    routes = document.set_share(start(), "a", 8000)
    with pytest.raises(ConfigurationError, match="the champion holds 20 %"):
        document.set_share(routes, "b", 2001)
    with pytest.raises(OrderError):
        document.set_share(routes, "champion", 100)


def test_everything_that_is_wrong_is_told_at_once():
    wrong = Routes(
        champion="gone",
        mirror="lost",
        experiment="a b",
        arms=(arm("x"), arm("x")),
        segments=(Segment(deployment="y", width=5),),
    )
    with pytest.raises(ConfigurationError) as caught:
        document.check(wrong)
    for part in (
        "x is deployed twice",
        "unknown deployment y",
        "the champion gone is not deployed",
        "the mirror lost is not deployed",
        "shares add up to 0.05 %",
        "experiment 'a b' has characters",
    ):
        assert part in str(caught.value)


def test_a_change_counts_the_revision_and_one_that_changes_nothing_does_not(tmp_path):
    site = Site(path=tmp_path, model="wine")
    assert document.change(site, lambda r: document.add_arm(r, arm("x"))).revision == 1
    assert document.change(site, lambda r: r).revision == 1
    assert document.read(site).arm("x") == arm("x")


def test_a_change_by_somebody_else_meanwhile_is_refused(tmp_path):
    site = Site(path=tmp_path, model="wine")
    document.change(site, lambda r: document.add_arm(r, arm("x")))
    with pytest.raises(OrderError, match="revision 1, expected 0"):
        document.change(site, lambda r: document.add_arm(r, arm("y")), expected_revision=0)


def test_a_broken_change_leaves_the_document_as_it_is(tmp_path):
    site = Site(path=tmp_path, model="wine")
    document.change(site, lambda r: document.add_arm(r, arm("x")))
    with pytest.raises(ConfigurationError):
        document.change(site, lambda r: msgspec.structs.replace(r, champion="y"))
    assert document.read(site).revision == 1


def test_a_document_that_is_none_says_where_the_last_one_is(tmp_path):
    (tmp_path / "routes.json").write_text("{")
    with pytest.raises(ToolError, match=r"routes\.json\.previous"):
        document.read(Site(path=tmp_path, model="wine"))
