"""A sweep finds the rate that a deployment bears, and says when it was the generator that gave up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.perf.sweep.search import knee, sweep
from legion_ci.results import SweepPoint, Verdict


class Server:
    """An M/M/1 queue: response time 1 / (capacity - rate), at most ``capacity`` answers a second."""

    def __init__(self, capacity: float, generator: float = float("inf"), p99_ms: float = 50.0):
        self.capacity, self.generator, self.p99_ms, self.rates = capacity, generator, p99_ms, []

    def measure(self, rate: float) -> SweepPoint:
        self.rates.append(rate)
        mean_ms = 1000 / max(self.capacity - rate, 1.0)
        p99_ms, saturated = 4.6 * mean_ms, rate > self.generator
        return SweepPoint(
            rate=rate, throughput=min(rate, self.capacity), p50_ms=0.69 * mean_ms, p99_ms=p99_ms,
            kept=p99_ms < self.p99_ms and not saturated, broken=f"p99 {p99_ms:.0f} ms",
            saturated="it used 99% of its core" if saturated else "",
        )  # fmt: skip

    @property
    def truth(self) -> float:
        return self.capacity - 4600 / self.p99_ms


@given(st.floats(200, 5000))
def test_the_highest_rate_is_found_to_a_few_percent(capacity):
    server = Server(capacity)
    found = sweep(server.measure, start=50, most=100_000, halvings=4)
    assert found.verdict is Verdict.PASS
    assert found.limited_by == "the deployment"
    assert found.highest_rate <= server.truth < found.highest_rate * 2 ** (1 / 8)
    assert [p.rate for p in found.points] == sorted(server.rates)


def test_the_knee_of_a_queue_is_at_half_of_its_capacity():
    server = Server(1000)
    assert knee([server.measure(r) for r in range(100, 1000, 50)]) == 500


def test_a_generator_that_gives_up_limits_the_answer_and_is_named():
    found = sweep(Server(10_000, generator=700).measure, start=100, most=10_000)
    assert 400 <= found.highest_rate <= 700
    assert found.limited_by == "the load generator: it used 99% of its core"
    assert "the load generator ends" in found.summary


@pytest.mark.parametrize(
    ("server", "verdict", "told"),
    [
        (Server(40), Verdict.FAIL, "the budgets break at 50/s already: p99 4600 ms"),
        (Server(9999, generator=10), Verdict.INCONCLUSIVE, "could not keep 50/s"),
    ],
)
def test_a_first_rate_that_does_not_hold_is_a_verdict_of_its_own(server, verdict, told):
    found = sweep(server.measure, start=50, most=1000)
    assert (found.verdict, found.highest_rate) == (verdict, None)
    assert told in found.summary


def test_the_highest_asked_rate_is_not_passed():
    server = Server(100_000)
    found = sweep(server.measure, start=100, most=900)
    assert (found.highest_rate, max(server.rates), found.limited_by) == (900, 900, "")
