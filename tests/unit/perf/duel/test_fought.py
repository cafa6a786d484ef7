"""Duels with real Locust and real servers: the slow one loses, and a server that refuses is no opponent."""

import io
from contextlib import contextmanager

import pytest
from perf_runs import TRAINED, deployed, write_sample
from perf_servers import serving

from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.perf.duel.stage import Arms
from legion_ci.perf.stage import run
from legion_ci.results import Outcome, Verdict
from legion_ci.settings.schema import DuelSettings, PerfSettings

RATE = 40.0


def fight(folder, challenger, champion, told=None, **duel):
    """A duel; again when a busy machine kept the generator from its plan, which judges nobody."""
    for _ in range(4):
        result = fought(folder, challenger, champion, told, **duel)
        spoilt = result.reason.startswith("invalid.") or "could not keep its plan" in (
            result.duel.message if result.duel else ""
        )
        if not spoilt:
            break
    return result


def fought(folder, challenger, champion, told=None, **duel):
    settings = PerfSettings(
        rate=RATE, duration=4.0, warmup=0.5, budgets=("errors < 50%",),
        duel=DuelSettings(pairs=4, max_pairs=4, run=1.5, warmup=0.5, **duel),
    )  # fmt: skip
    closed = []

    @contextmanager
    def opponents():
        try:
            yield Arms(challenger.url, champion.url, "wine-0") if champion else None
        finally:
            closed.append(True)

    result = run(
        settings, deployed=deployed(challenger.url), trained=TRAINED, sample=write_sample(folder), folder=folder,
        work=folder / "work", tools=Tools(progress=Progress(stream=told or io.StringIO())), opponents=opponents,
    )  # fmt: skip
    assert closed == [True]
    return result


def test_a_challenger_that_is_several_times_slower_fails_with_both_figures_told(tmp_path):
    told = io.StringIO()
    with serving(delay_s=0.06) as slow, serving(delay_s=0.01) as fast:
        result = fight(tmp_path, slow, fast, told, metrics=("p50",))
    assert result.verdict is Verdict.FAIL
    assert result.reason == "slower_than_champion"
    assert (result.duel.champion, result.duel.pairs, result.duel.challenger_first) == ("wine-0", 4, (True, False) * 2)
    (p50,) = result.duel.metrics
    assert p50.outcome is Outcome.FAIL
    assert 2 < p50.lower < p50.ratio < p50.upper
    assert "slower by more than 10 %" in result.summary
    assert "duel: pair 4 of 4" in told.getvalue()
    assert fast.asked.purposes.keys() == {"perf"}


def test_an_opponent_that_refuses_requests_leaves_the_duel_undecided(tmp_path):
    with serving() as challenger, serving(fail_every=2) as broken:
        result = fight(tmp_path, challenger, broken)
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "duel_undecided")
    assert "requests failed at" in result.duel.message


def test_without_a_champion_the_budgets_decide_alone(tmp_path):
    told = io.StringIO()
    with serving() as challenger:
        result = fight(tmp_path, challenger, None, told)
    assert (result.verdict, result.duel) == (Verdict.PASS, None)
    assert "no duel" in told.getvalue()


@pytest.mark.parametrize("metrics", [(), ("p98",)])
def test_figures_that_are_none_are_refused(metrics):
    with pytest.raises(ValueError, match="metrics"):
        DuelSettings(metrics=metrics)
