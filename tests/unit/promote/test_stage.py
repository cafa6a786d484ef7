"""Promotion on a site whose traffic follows its routes: what moves, what holds, what goes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from promote_site import Bench, FileTraffic, deploy_result, model, settings

from legion_ci.core.errors import ConfigurationError, OrderError
from legion_ci.core.lock import locked
from legion_ci.gateway import routes
from legion_ci.promote import traffic
from legion_ci.results import PerfResult, PromoteResult, QualityResult, Verdict


def quality(verdict: Verdict) -> QualityResult:
    return QualityResult(candidate=model("2"), verdict=verdict, summary="roc_auc")


def perf(verdict: Verdict) -> PerfResult:
    return PerfResult(deployment="new", verdict=verdict, summary="p99")


def climb(bench: Bench, units: int = 700, looks: int = 8, **more: Any) -> list[PromoteResult]:
    found = [bench.look(**more)]
    while found[-1].verdict is Verdict.INCONCLUSIVE and len(found) < looks:
        bench.serve(units)
        found.append(bench.look(**more))
    return found


def test_an_equal_challenger_climbs_every_step_and_becomes_the_champion(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    found = climb(bench)
    assert found[-1].verdict is Verdict.PASS
    assert found[-1].action == "promoted"
    assert [r.step for r in bench.traffic.changes] == ["shadow", "25", ""]
    assert [r.mirror for r in bench.traffic.changes] == ["new", None, None]
    assert [r.share("new") for r in bench.traffic.changes] == [0.0, 0.25, 1.0]
    assert (bench.routes.champion, bench.routes.previous, bench.routes.experiment) == ("new", "old", "")
    assert {r.experiment for r in bench.traffic.changes[:2]} == {"new-2"}
    assert {c.name: str(c.outcome) for c in found[-1].claims} == {"accuracy": "PASS", "errors not worse by 1%": "PASS"}
    assert len(found[-1].looks) == len(found) - 1
    assert found[-1].looks[0]["claims"]["accuracy"]["bound"] == -0.05


def test_one_look_moves_at_most_one_step(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    for result in climb(bench, 3000):
        assert result.action in ("advance", "promoted")
    assert len(bench.traffic.changes) == 3


def test_asked_again_after_the_promotion_it_says_so_and_changes_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    climb(bench, 3000)
    before = bench.routes
    assert bench.look().verdict is Verdict.PASS
    assert bench.routes == before


def test_a_worse_challenger_goes_back_and_stays_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(), accuracy=(0.9, 0.7))
    result = climb(bench)[-1]
    assert (result.verdict, result.action, result.reason) == (Verdict.FAIL, "rollback", "metric_failed")
    assert (bench.routes.champion, bench.routes.share("old"), bench.routes.mirror) == ("old", 1.0, None)
    changes = len(bench.traffic.changes)
    again = bench.look()
    assert (again.verdict, again.action) == (Verdict.FAIL, "none")
    assert "remove" in again.more_data
    assert len(bench.traffic.changes) == changes


def test_live_evidence_can_fail_what_shadow_had_passed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(steps=("shadow", 50, 100), min_units=5000))
    bench.settings = settings(steps=("shadow", 50, 100))
    while bench.routes.step != "50":
        bench.look()
        bench.serve(800)
    bench.accuracy = (0.9, 0.6)
    bench.settings = settings(steps=("shadow", 50, 100), min_units=2000)
    found = climb(bench, 1500)
    assert found[-1].reason == "metric_failed"
    assert "live" in found[-1].summary
    assert bench.routes.share("old") == 1.0


def test_errors_of_the_challenger_send_it_back_before_its_windows_close(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(steps=(5, 100)), errors=(0.0, 0.5))
    bench.look()
    bench.serve(900, mature=False)
    result = bench.look()
    assert (result.verdict, result.reason) == (Verdict.FAIL, "guardrail_failed")
    assert bench.routes.share("old") == 1.0


def test_a_dead_challenger_whose_requests_the_champion_answers_goes_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(steps=(25, 100)))
    bench.look()
    bench.serve(200)
    found = bench.look(read=lambda running: _answered_by_the_champion(bench, running))
    assert (found.verdict, found.reason) == (Verdict.FAIL, "guardrail_failed")


def _answered_by_the_champion(bench: Bench, running: Any) -> Any:
    import pyarrow as pa

    from legion_ci.feedback.join import Joined, joined

    table = joined(bench.site.feedback, "wine", experiment=running.experiment, outcome="label").rows
    backup = pa.array(["old"] * table.num_rows)
    index = table.column_names.index("deployment")
    return Joined(table.set_column(index, "deployment", backup), 0, ())


def test_a_challenger_that_dies_with_its_requests_goes_back_also_when_the_log_has_moved_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(steps=(25, 100)))
    bench.look()
    bench.serve(40)
    bench.site.gateway.mkdir()
    log = bench.site.gateway / "access.log"
    for half in (range(0, 3), range(3, 8)):
        entries = [
            {"time": "2023-11-14T22:13:25.000Z", "request_id": f"lost-{i}", "unit": f"u{i}", "arm": "new", "share": "0.25",
             "experiment": "new-2", "step": "25", "code": 503, "duration_ms": 1}
            for i in half
        ]  # fmt: skip
        log.write_text("".join(json.dumps(e) + "\n" for e in entries))
        result = bench.look()
    assert (result.verdict, result.reason) == (Verdict.FAIL, "guardrail_failed")
    assert "challenger 8, champion 0" in result.summary


@pytest.mark.parametrize("name", ["quality", "perf"])
def test_after_a_failed_gate_nothing_moves(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path, settings())
    result = bench.look(**{name: quality(Verdict.FAIL) if name == "quality" else perf(Verdict.FAIL)})
    assert (result.verdict, result.action, result.reason) == (Verdict.FAIL, "none", f"{name}_failed")
    assert bench.traffic.changes == []


def test_after_an_undecided_gate_nothing_moves(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    result = bench.look(quality=quality(Verdict.INCONCLUSIVE))
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "hold.quality")
    assert bench.traffic.changes == []


def test_after_an_undecided_gate_a_shadow_may_be_allowed_and_nothing_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(on_inconclusive="shadow"))
    found = climb(bench, 2000, 4, perf=perf(Verdict.INCONCLUSIVE))
    assert found[-1].reason == "hold.perf"
    assert bench.routes.mirror == "new"
    assert bench.routes.width("new") == 0
    assert bench.look(perf=perf(Verdict.PASS)).share_after == 0.25


def test_the_first_model_must_be_said_to_be_the_first(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    bench.traffic.change(lambda r: msgspec.structs.replace(r, champion=None, segments=()), None)
    with pytest.raises(OrderError, match="--first"):
        bench.look()
    assert bench.look(first=True, quality=quality(Verdict.INCONCLUSIVE)).verdict is Verdict.INCONCLUSIVE
    assert bench.routes.champion is None
    result = bench.look(first=True)
    assert (result.verdict, result.action, bench.routes.champion) == (Verdict.PASS, "promoted", "new")


def test_no_traffic_is_never_a_pass(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    bench.look()
    bench.clock.time += 86400
    result = bench.look()
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "hold.no_traffic")
    assert result.next_look_at is not None


def test_no_outcomes_are_never_a_pass(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(), outcomes=False)
    assert climb(bench, 500, 3)[-1].reason == "hold.no_outcomes"


def test_a_field_that_no_payload_has_is_said_with_those_that_were_seen(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(), outcome_field="late")
    result = climb(bench, 100, 2)[-1]
    assert "no payload has the field 'label' (seen: late)" in result.more_data


def test_without_the_outcomes_field_the_metric_is_never_a_pass(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(outcome=None))
    result = climb(bench, 1000, 3)[-1]
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "hold.no_outcome_setting")
    assert "seen: label" in result.more_data


def test_a_window_that_is_too_short_for_the_outcomes_is_named(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(window=0.5))
    assert "promote.window" in climb(bench, 100, 2)[-1].more_data


def test_units_whose_window_is_open_are_waited_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(window=100.0))
    bench.look()
    bench.serve(500, mature=False)
    result = bench.look()
    assert result.reason == "hold.immature"
    assert result.next_look_at is not None


def test_too_few_units_and_too_short_a_step_hold(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(min_duration=3600.0))
    bench.look()
    bench.serve(10)
    assert bench.look().reason == "hold.few_units"
    bench.serve(1500)
    assert bench.look().reason == "hold.duration"
    bench.clock.time += 3600
    assert bench.look().share_after == 0.25


def test_a_split_that_is_not_the_stated_one_is_held_and_not_rolled_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(steps=(50, 100)))
    bench.look()
    honest = bench.routes
    lied = msgspec.structs.replace(honest, segments=traffic.routes.set_share(honest, "new", 3000).segments)
    served = bench._request
    bench._request = lambda now, name, at: served(_said(lied, now), name, at)  # type: ignore[method-assign]
    bench.serve(3000)
    result = bench.look()
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "hold.sample_ratio")
    assert bench.routes.share("new") == 0.5


def _said(lied: routes.Routes, now: routes.Routes) -> routes.Routes:
    return msgspec.structs.replace(now, segments=lied.segments)


def test_without_a_shadow_the_live_split_decides(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(steps=(25, 50, 100)))
    found = climb(bench, 2500)
    assert found[-1].verdict is Verdict.PASS
    assert "live" in found[-1].claims[0].message


def test_a_business_value_is_decided_live_even_behind_a_shadow(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(metric="value", margin=0.1, steps=("shadow", 50, 100)))
    found = climb(bench, 2500)
    assert found[-1].verdict is Verdict.PASS
    assert [r.step for r in bench.traffic.changes] == ["shadow", "50", ""]
    assert "live" in found[-1].claims[0].message


def test_a_slower_challenger_fails_its_latency_guardrail(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(guardrails=("latency not worse by 10%",)))
    answered = bench._answer

    def slower(new: bool, truth: bool) -> dict[str, object]:
        spread = float(bench.random.lognormal(0, 0.3))
        return {**answered(new, truth), "latency_us": int((1500 if new else 1000) * spread)}

    bench._answer = slower  # type: ignore[method-assign]
    result = climb(bench, 800)[-1]
    assert (result.verdict, result.reason) == (Verdict.FAIL, "guardrail_failed")
    [_, claim] = result.claims
    assert claim.effect == pytest.approx(-0.5, abs=0.1)


def test_in_a_build_it_looks_until_it_is_decided(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(in_build=3600.0, look_every=60.0))
    slept = bench.clock.sleep

    def serve_meanwhile(seconds: float) -> None:
        bench.serve(800, seconds=seconds - 20)
        slept(0)

    bench.clock.sleep = serve_meanwhile  # type: ignore[method-assign]
    assert bench.look().verdict is Verdict.PASS


def test_in_a_build_it_ends_with_its_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(in_build=600.0, look_every=60.0))
    result = bench.look()
    assert result.reason == "hold.no_traffic"
    assert bench.clock.time - 1_700_000_000.0 == pytest.approx(600, abs=61)


def test_a_rollback_by_hand_stands(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    bench.look()
    bench.traffic.change(traffic.undo, None)
    result = bench.look()
    assert (result.verdict, result.reason, result.action) == (Verdict.FAIL, "rolled_back", "none")
    assert bench.look().reason == "rolled_back"
    assert bench.routes.mirror is None


def test_a_rollback_after_the_promotion_stands(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    climb(bench, 3000)
    bench.traffic.change(traffic.undo, None)
    assert bench.look().reason == "rolled_back"
    assert bench.routes.champion == "old"


def test_against_another_champion_it_is_another_question(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(), accuracy=(0.9, 0.6))
    assert climb(bench)[-1].verdict is Verdict.FAIL
    third = routes.Arm(deployment="third", model=model("3"), endpoint="127.0.0.1:1")
    bench.traffic.change(lambda r: routes.promote(routes.add_arm(r, third), "third"), None)
    assert bench.look().reason == "hold.ramping"


def test_a_change_by_somebody_else_between_look_and_act_moves_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    bench.look()
    bench.serve(2000)
    change = bench.traffic.change

    def overtaken(edit: Any, expected_revision: int | None) -> routes.Routes:
        routes.change(bench.site, traffic.undo)
        return change(edit, expected_revision)

    bench.traffic.change = overtaken  # type: ignore[method-assign]
    assert bench.look().reason == "hold.routes_changed"
    bench.traffic.change = change  # type: ignore[method-assign]
    assert bench.look().reason == "rolled_back"
    assert bench.routes.width("new") == 0


def test_another_experiment_is_not_disturbed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    third = routes.Arm(deployment="third", model=model("3"), endpoint="127.0.0.1:1")
    bench.traffic.change(lambda r: traffic.begin(routes.add_arm(r, third), "third", "third-2", "25"), None)
    with pytest.raises(OrderError, match="another experiment is running"):
        bench.look()


def test_what_is_not_deployed_cannot_be_promoted(tmp_path: Path) -> None:
    with pytest.raises(OrderError, match="not deployed"):
        Bench(tmp_path, settings()).look(deployment="nobody")


def test_two_looks_at_once_are_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    with locked(bench.site.locks / "promote.lock"), pytest.raises(OrderError, match="promotion is in use"):
        bench.look()


def test_all_problems_of_the_settings_are_told_at_once(tmp_path: Path) -> None:
    wrong = settings(metric="f1", guardrails=("p99 < 1",), steps=(100,))
    with pytest.raises(ConfigurationError) as told:
        Bench(tmp_path, wrong).look()
    assert len(told.value.problems) == 3


def test_the_evidence_has_a_digest_that_depends_on_it_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings(min_units=100_000))
    bench.look()
    bench.serve(50)
    first, again = bench.look().evidence_digest, bench.look().evidence_digest
    bench.serve(1)
    assert first == again != bench.look().evidence_digest


class Story:
    """A climb during which the process is killed once, at one of its writes; then it is run again to the end."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.bench = Bench(folder, settings(), **more)

    def run(self, kill_at: int) -> tuple[PromoteResult, bool]:
        """The last result and whether the kill happened."""
        from promote_site import Killed

        import legion_ci.promote.look as look
        import legion_ci.promote.reconcile as reconcile

        killer = _Killer(kill_at, look.state.save, self.bench.traffic)
        look.state.save = reconcile.state.save = killer.save  # type: ignore[assignment]
        self.bench.traffic.change = killer.change  # type: ignore[method-assign]
        try:
            for _ in range(12):
                try:
                    result = self.bench.look()
                except Killed:
                    continue
                if result.verdict is not Verdict.INCONCLUSIVE:
                    return result, killer.done
                self.bench.serve(1300)
        finally:
            look.state.save = reconcile.state.save = killer.real_save
        raise AssertionError("it never ended")


class _Killer:
    """Kills before write number n, or after it (odd and even)."""

    def __init__(self, at: int, save: Any, traffic_: FileTraffic) -> None:
        self.at, self.real_save, self.real_change = at, save, traffic_.change
        self.count, self.done = 0, False

    def save(self, *args: Any) -> None:
        self._around(self.real_save, *args)

    def change(self, *args: Any, **more: Any) -> Any:
        return self._around(self.real_change, *args, **more)

    def _around(self, action: Any, *args: Any, **more: Any) -> Any:
        from promote_site import Killed

        self._tick(Killed)
        made = action(*args, **more)
        self._tick(Killed)
        return made

    def _tick(self, killed: type[BaseException]) -> None:
        self.count += 1
        if self.count == self.at:
            self.done = True
            raise killed


@pytest.mark.parametrize("better", [True, False])
def test_killed_at_any_write_it_goes_on_to_the_same_end(tmp_path: Path, better: bool) -> None:
    accuracy = (0.9, 0.9) if better else (0.9, 0.6)
    for at in range(1, 100):
        story = Story(tmp_path / str(at), accuracy=accuracy)
        result, killed = story.run(at)
        now = story.bench.routes
        if better:
            assert (result.verdict, now.champion, now.share("new")) == (Verdict.PASS, "new", 1.0)
            assert [r.share("new") for r in story.bench.traffic.changes] == [0.0, 0.25, 1.0], at
        else:
            assert (result.verdict, now.champion, now.share("old"), now.mirror) == (Verdict.FAIL, "old", 1.0, None)
        if not killed:
            assert at > 5
            return
    raise AssertionError("the story has no end")


def test_an_experiment_whose_memory_was_lost_is_adopted_from_the_routes(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    bench.look()
    for path in bench.site.promotion.glob("*"):
        path.unlink()
    bench.serve(1500)
    assert bench.look().share_after == 0.25


def test_the_result_names_what_it_was_about(tmp_path: Path) -> None:
    result = Bench(tmp_path, settings()).look()
    assert (result.deployment, result.champion, result.step) == (deploy_result().deployment, "old", "shadow")
