"""The join: the same rows however often and in whatever order events arrive."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from promote_events import capture, outcome, write

from legion_ci.core.errors import LegionError
from legion_ci.feedback.capture import Capture
from legion_ci.feedback.join import joined
from legion_ci.feedback.outcomes import Outcome
from legion_ci.serving.captures import unit_hash

AT = 1_700_000_000.0


def rows(store: Path, **more: Any) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = joined(
        store, "wine", **{"experiment": "x", "outcome": "late", **more}
    ).rows.to_pylist()
    return told


def test_a_request_meets_its_outcome(tmp_path: Path) -> None:
    write(tmp_path, [capture("r1")], [outcome("r1", {"late": True})])
    [row] = rows(tmp_path)
    assert (row["outcome"], json.loads(row["prediction"]), row["unit"], row["share"]) == (
        "true",
        [1, 0.2, 0.8],
        "u1",
        0.5,
    )
    assert json.loads(row["columns"]) == ["prediction", "probability_0", "probability_1"]


def test_a_request_without_an_outcome_stays(tmp_path: Path) -> None:
    write(tmp_path, [capture("r1")])
    [row] = rows(tmp_path)
    assert row["outcome"] is None


def test_an_empty_store_has_no_rows(tmp_path: Path) -> None:
    assert rows(tmp_path) == []


@pytest.mark.parametrize("purpose", ["direct", "perf"])
def test_direct_calls_and_load_tests_are_no_evidence(tmp_path: Path, purpose: str) -> None:
    write(tmp_path, [capture("r1", purpose=purpose)])
    assert rows(tmp_path) == []


def test_other_experiments_are_no_evidence(tmp_path: Path) -> None:
    write(tmp_path, [capture("r1", experiment="y"), capture("r1", deployment="b", purpose="shadow", experiment="y")])
    assert rows(tmp_path) == []


def test_a_copy_belongs_to_its_original_even_when_it_carries_no_experiment(tmp_path: Path) -> None:
    copy = capture("r1", deployment="b", arm="a", purpose="shadow", experiment="", step="", unit="other")
    write(tmp_path, [capture("r1", step="shadow"), copy], [outcome("r1", {"late": False})])
    found = {r["deployment"]: r for r in rows(tmp_path)}
    assert set(found) == {"a", "b"}
    assert (found["b"]["step"], found["b"]["unit"], found["b"]["outcome"]) == ("shadow", "u1", "false")


def test_a_request_of_several_rows_is_several_rows_with_outcomes_by_position(tmp_path: Path) -> None:
    many = capture("r1", rows=[[1, 0.1, 0.9], [0, 0.7, 0.3], [1, 0.4, 0.6]])
    write(tmp_path, [many], [outcome("r1", {"late": [True, None]})])
    assert [(r["row"], json.loads(r["prediction"])[0], r["outcome"]) for r in rows(tmp_path)] == [
        (0, 1, "true"), (1, 0, None), (2, 1, None),
    ]  # fmt: skip


def test_the_answers_of_mlflows_protocol_are_rows_too(tmp_path: Path) -> None:
    write(tmp_path, [capture("r1", response=b'{"predictions": [1.5, 2]}')], [outcome("r1", {"late": [1, 2]})])
    assert [(r["columns"], r["prediction"], r["outcome"]) for r in rows(tmp_path)] == [
        ('["prediction"]', "[1.5]", "1"), ('["prediction"]', "[2]", "2"),
    ]  # fmt: skip


def test_an_error_has_a_row_without_a_prediction(tmp_path: Path) -> None:
    write(tmp_path, [capture("r1", status=500, response=b"<html>"), capture("r2", status=503, response=b"")])
    assert [(r["status"], r["prediction"]) for r in rows(tmp_path)] == [(500, None), (503, None)]


def test_an_outcome_of_an_unknown_request_is_counted_and_not_joined(tmp_path: Path) -> None:
    write(tmp_path, [capture("r1")], [outcome("r2", {"late": True}), outcome("r2", {"late": True})])
    found = joined(tmp_path, "wine", experiment="x", outcome="late")
    assert (found.unmatched, found.rows.num_rows, found.fields) == (1, 1, ("late",))


def test_the_first_outcome_that_holds_the_field_counts(tmp_path: Path) -> None:
    told = [
        outcome("r1", {"late": False}, at=AT + 9), outcome("r1", {"seen": 1}, at=AT + 1),
        outcome("r1", {"late": None}, at=AT + 2), outcome("r1", {"late": True}, at=AT + 3), outcome("r1", 5, at=AT + 1),
    ]  # fmt: skip
    write(tmp_path, [capture("r1")], told)
    [row] = rows(tmp_path)
    assert (row["outcome"], row["outcome_time"]) == ("true", AT + 3)


@pytest.mark.parametrize("field", ["my field", 'qu"ote', "a.b", "ü", "$"])
def test_any_field_name_can_be_asked_for(tmp_path: Path, field: str) -> None:
    write(tmp_path, [capture("r1")], [outcome("r1", {field: 7})])
    assert rows(tmp_path, outcome=field)[0]["outcome"] == "7"


def test_torn_and_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, [capture("r1"), capture("r2")], [outcome("r1", {"late": True})])
    for tag in ("request_response", "response_body", "feedback"):
        [path] = (tmp_path / "model_log" / tag).rglob("*.jsonl")
        path.write_bytes(path.read_bytes() + b'not json\n{"request_id": "r3", "ti')
    assert [r["request_id"] for r in rows(tmp_path)] == ["r1", "r2"]


def test_hours_before_the_asked_time_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, [capture("r1", at=AT), capture("r2", at=AT + 7200)])
    assert [r["request_id"] for r in rows(tmp_path, since=AT + 7200)] == ["r2"]


def test_a_folder_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    write(tmp_path, [capture("r1")])
    [path] = (tmp_path / "model_log/request_response").rglob("*.jsonl")
    path.unlink()
    path.mkdir()
    with pytest.raises(LegionError, match=str(tmp_path)):
        rows(tmp_path)


def log(folder: Path, *entries: dict[str, Any]) -> Path:
    told = {"time": "2023-11-14T22:13:21.500Z", "arm": "b", "share": "0.25", "experiment": "x", "step": "25", "code": 503,
            "duration_ms": 3, "unit": "someone", "path": "/api/model/invoke"}  # fmt: skip
    path = folder / "access.log"
    path.write_text("".join(json.dumps({**told, **e}) + "\n" for e in entries))
    return path


def test_a_request_that_no_server_lived_to_capture_is_known_from_the_gateways_log(tmp_path: Path) -> None:
    write(tmp_path, [capture("r1")])
    path = log(
        tmp_path, {"request_id": "lost"}, {"request_id": "fine", "code": 200}, {"request_id": "y", "experiment": "y"},
        {"request_id": "direct", "arm": None}, {"request_id": "lost"},
    )  # fmt: skip
    found = {r["request_id"]: r for r in rows(tmp_path, gateway_logs=[path, tmp_path / "missing"])}
    assert set(found) == {"r1", "lost"}
    lost = found["lost"]
    assert (lost["deployment"], lost["arm"], lost["status"], lost["share"], lost["step"]) == ("", "b", 503, 0.25, "25")
    assert lost["unit"] == unit_hash("x", "someone")
    assert lost["time_unix"] == 1_700_000_001.5


def test_what_the_user_saw_fail_has_failed_whatever_the_server_thought(tmp_path: Path) -> None:
    write(tmp_path, [capture("r1", deployment="b"), capture("r2", deployment="b")])
    path = log(tmp_path, {"request_id": "r1", "code": 504})
    assert {r["request_id"]: r["status"] for r in rows(tmp_path, gateway_logs=[path])} == {"r1": 504, "r2": 200}


REQUESTS = st.lists(
    st.tuples(
        st.integers(0, 5), st.sampled_from(["a", "b"]), st.integers(0, 3), st.sampled_from(["", "shadow", "direct"]),
        st.sampled_from([200, 500]), st.integers(0, 2), st.booleans(),
    ),
    min_size=1, max_size=12,
)  # fmt: skip
OUTCOMES = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 3), st.sampled_from([True, False, None, [1, 0]])), max_size=8
)


def _captures(told: list[tuple[Any, ...]]) -> list[Capture]:
    return [
        capture(f"r{r}", deployment=d, at=AT + t, purpose=p, status=s, rows=[[1, 0.5, 0.5]] * n, unit=f"u{same}")
        for r, d, t, p, s, n, same in told
    ]


@settings(max_examples=25, deadline=None)
@given(REQUESTS, OUTCOMES, st.randoms(use_true_random=False))
def test_order_and_repetition_of_events_change_nothing(
    told: list[tuple[Any, ...]], known: list[tuple[Any, ...]], chance: random.Random
) -> None:
    captures, outcomes = _captures(told), [outcome(f"r{r}", {"late": v}, at=AT + t) for r, t, v in known]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        write(Path(one), captures, outcomes)
        again: list[Capture] = [*captures, *chance.choices(captures, k=4)]
        more: list[Outcome] = [*outcomes, *(chance.choices(outcomes, k=3) if outcomes else [])]
        chance.shuffle(again)
        chance.shuffle(more)
        half = len(again) // 2
        write(Path(two), again[:half], more, writer="p")
        write(Path(two), again[half:], writer="q")
        first, second = (joined(Path(s), "wine", experiment="x", outcome="late") for s in (one, two))
        assert first.rows.to_pylist() == second.rows.to_pylist()
        assert first.unmatched == second.unmatched
