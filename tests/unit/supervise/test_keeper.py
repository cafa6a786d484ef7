"""Back-off, giving up and health, with a clock that does not run by itself."""

import sys

import pytest
from deploy_site import eventually

from legion_ci.supervise.keeper import GIVE_UP_AFTER, Keeper
from legion_ci.supervise.process import Phase, Process
from legion_ci.supervise.records import Records

SLEEP = Process(name="a", command=("sleep", "300"), health="anything", ready_timeout_s=60)
DIE = Process(name="a", command=(sys.executable, "-c", "raise SystemExit('so sorry')"), health="anything")


class Hands:
    """A clock and a health check that are set by hand."""

    def __init__(self) -> None:
        self.time, self.well = 1000.0, True

    def now(self) -> float:
        return self.time

    def healthy(self, url: str) -> bool:
        return self.well


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
def records(tmp_path):
    records = Records(tmp_path / "processes")
    yield records
    records.drop("a")
    keeper = Keeper(records, "a")
    eventually(lambda: not keeper.step())


def keeper_of(records: Records, hands: Hands) -> Keeper:
    return Keeper(records, "a", monotonic=hands.now, healthy=hands.healthy)


def phase(records: Records) -> Phase:
    return records.actual("a").phase


def step(keeper: Keeper, hands: Hands, seconds: float) -> None:
    hands.time += seconds
    keeper.step()


def until(keeper: Keeper, records: Records, *phases: Phase) -> None:
    """Look without time going by: only the process itself can change something."""
    eventually(lambda: keeper.step() and phase(records) in phases)


def test_pauses_between_deaths_grow_until_it_has_failed_and_then_it_is_tried_once_a_minute(records, hands):
    records.ask(DIE)
    keeper, pauses = keeper_of(records, hands), []
    for _ in range(GIVE_UP_AFTER + 1):
        until(keeper, records, Phase.WAITING, Phase.FAILED)
        restarts, died = records.actual("a").restarts, hands.time
        while records.actual("a").restarts == restarts:
            step(keeper, hands, 0.05)
        pauses.append(round(hands.time - died, 1))
    assert pauses == pytest.approx([0.25, 0.5, 1.0, 60.0, 60.0], abs=0.11)
    until(keeper, records, Phase.FAILED)
    assert records.actual("a").last[-2:] == ("so sorry", "ended with status 1")


def test_asking_again_ends_a_pause_and_forgets_the_deaths(records, hands):
    records.ask(DIE)
    keeper = keeper_of(records, hands)
    until(keeper, records, Phase.WAITING, Phase.FAILED)
    while phase(records) is not Phase.FAILED:
        step(keeper, hands, 60)
        until(keeper, records, Phase.WAITING, Phase.FAILED)
    asked = records.ask(SLEEP)
    keeper.step()
    step(keeper, hands, 0.2)
    actual = records.actual("a")
    assert (actual.phase, actual.asked, actual.failures) == (Phase.READY, asked, 0)


def test_one_that_does_not_answer_is_unhealthy_and_then_started_again(records, hands):
    records.ask(SLEEP)
    keeper = keeper_of(records, hands)
    keeper.step()
    step(keeper, hands, 0.2)
    assert phase(records) is Phase.READY
    hands.well = False
    for _ in range(2):
        step(keeper, hands, 2.1)
        assert phase(records) is Phase.READY
    step(keeper, hands, 2.1)
    assert phase(records) is Phase.UNHEALTHY
    first = records.actual("a").identity
    while phase(records) is Phase.UNHEALTHY:
        step(keeper, hands, 2.1)
    assert records.actual("a").last[-1] == "does not answer any more"
    hands.well = True
    eventually(lambda: step(keeper, hands, 2.1) or phase(records) is Phase.READY)
    assert records.actual("a").identity != first


def test_one_that_recovers_is_ready_again_without_a_restart(records, hands):
    records.ask(SLEEP)
    keeper = keeper_of(records, hands)
    keeper.step()
    step(keeper, hands, 0.2)
    first, hands.well = records.actual("a").identity, False
    for _ in range(4):
        step(keeper, hands, 2.1)
    assert phase(records) is Phase.UNHEALTHY
    hands.well = True
    step(keeper, hands, 2.1)
    assert (phase(records), records.actual("a").identity) == (Phase.READY, first)
