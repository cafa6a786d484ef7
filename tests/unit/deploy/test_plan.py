"""What a deployment means for the traffic."""

import msgspec
import pytest
from deploy_site import model_ref

from legion_ci.core.errors import OrderError
from legion_ci.deploy.plan import Plan, plan
from legion_ci.gateway.routes import Arm, Routes, add_arm, promote, set_share


def routes_of(*names: str) -> Routes:
    routes = Routes()
    for name in names:
        routes = add_arm(routes, Arm(deployment=name, model=model_ref(), endpoint="127.0.0.1:1"))
    return routes


def test_the_first_is_tested_and_goes_when_it_is_not_accepted():
    assert plan(Routes(), "a", first=True) == Plan(test=True, disposable=True)


def test_without_a_champion_first_must_be_said_also_when_something_stands_there():
    with pytest.raises(OrderError, match="say --first"):
        plan(routes_of("a"), "a", first=False)


@pytest.mark.parametrize("first", [True, False])
def test_the_champion_is_only_healed(first):
    assert plan(promote(routes_of("a"), "a"), "a", first=first) == Plan(test=False, disposable=False)


def test_saying_first_beside_a_champion_moves_no_traffic():
    assert plan(promote(routes_of("a"), "a"), "b", first=True) == Plan(test=True, disposable=True)


def test_a_challenger_that_serves_users_is_only_healed():
    routes = set_share(promote(routes_of("a", "b"), "a"), "b", 100)
    assert plan(routes, "b", first=False) == Plan(test=False, disposable=False)


def test_idle_challengers_make_room_and_the_previous_champion_does_not():
    routes = promote(promote(routes_of("a", "b", "c", "d"), "a"), "b")
    assert plan(routes, "new", first=False).replaced == ("c", "d")


def test_the_previous_champion_as_challenger_is_never_thrown_away():
    routes = promote(promote(routes_of("a", "b"), "a"), "b")
    assert plan(routes, "a", first=False) == Plan(test=True, disposable=False)


def test_a_running_experiment_is_not_disturbed():
    routes = set_share(promote(routes_of("a", "b"), "a"), "b", 2500)
    with pytest.raises(OrderError, match=r"b has 25 % of the traffic\); promote, rollback or undeploy it first"):
        plan(routes, "c", first=False)


def test_a_challenger_in_the_shadow_is_an_experiment_too():
    shadow = msgspec.structs.replace(promote(routes_of("a", "b"), "a"), mirror="b", step="shadow", experiment="e")
    with pytest.raises(OrderError, match="b gets copies of the traffic"):
        plan(shadow, "c", first=False)
