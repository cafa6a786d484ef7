"""Rows to train on out of what users asked and what really happened."""

from __future__ import annotations

import csv
import importlib.util
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import model_repository
import pytest
from feedback_site import DAY, NOON, Repository
from hypothesis import given, settings
from hypothesis import strategies as st
from promote_events import capture, outcome, write

from legion_ci.calls.digests import of_section
from legion_ci.core.errors import ConfigurationError
from legion_ci.data.source import Dataset, load, open_source
from legion_ci.feedback.source import FeedbackDataSettings, place
from legion_ci.settings.load import load as load_settings


def told(store: Path, **more: Any) -> FeedbackDataSettings:
    base = {
        "use": "feedback",
        "outcome": "late",
        "target": "late",
        "window": 10.0,
        "store": str(store),
        "model": "wine",
        "now": NOON,
    }
    return FeedbackDataSettings(**{**base, **more})


def data(store: Path, **more: Any) -> Dataset:
    return load("train", told(store, **more), store)


def asked(name: str, x: Any, at: float = NOON - 100, **more: Any) -> Any:
    body = more.pop("body", {"columns": ["x"], "data": [[x]]})
    text = body if isinstance(body, str) else json.dumps(body)
    return capture(name, at=at, request=text.encode(), unit=more.pop("unit", f"u{name}"), **more)


def happened(name: str, late: Any, at: float = NOON - 95) -> Any:
    return outcome(name, {"late": late}, at=at)


def test_rows_are_requests_with_their_outcome_in_the_order_of_time(tmp_path: Path) -> None:
    write(tmp_path, [asked("b", 2.5, NOON - 50), asked("a", 1)], [happened("a", 0), happened("b", 1, NOON - 49)])
    found = data(tmp_path)
    assert found.table.to_pylist() == [{"x": 1.0, "late": 0}, {"x": 2.5, "late": 1}]
    assert (found.feature_names, list(found.target)) == (["x"], [0, 1])


def test_what_promotion_would_not_count_is_no_row(tmp_path: Path) -> None:
    requests = [
        asked("young", 1, NOON - 5), asked("late", 1), asked("silent", 1), asked("broken", 1, status=500),
        asked("load", 1, purpose="perf"), asked("direct", 1, purpose="direct"), asked("ok", 7),
        asked("ok", 8, deployment="b", purpose="shadow"), asked("ok", 9, NOON - 99),
    ]  # fmt: skip
    names = ("young", "broken", "load", "direct", "ok", "ghost")
    outcomes = [happened(n, 1) for n in names] + [happened("late", 1, NOON - 80), happened("ok", 0, NOON - 94)]
    write(tmp_path, requests, outcomes)
    assert data(tmp_path).table.to_pylist() == [{"x": 7, "late": 1}]


def test_a_longer_window_takes_late_outcomes_and_waits_longer_for_them(tmp_path: Path) -> None:
    write(
        tmp_path, [asked("a", 1), asked("b", 2, NOON - 20)], [happened("a", 1, NOON - 80), happened("b", 1, NOON - 19)]
    )
    assert data(tmp_path, window=50.0).table.to_pylist() == [{"x": 1, "late": 1}]


def test_a_missing_outcome_may_have_a_meaning(tmp_path: Path) -> None:
    write(tmp_path, [asked("a", 1), asked("b", 2)], [happened("b", 1)])
    assert data(tmp_path, missing=0).table.column("late").to_pylist() == [0, 1]


def test_outcomes_of_several_rows_go_by_position(tmp_path: Path) -> None:
    body = {"columns": ["x"], "data": [[1], [2], [3]]}
    write(tmp_path, [asked("a", 0, body=body)], [happened("a", [1, None])])
    assert data(tmp_path).table.to_pylist() == [{"x": 1, "late": 1}]


BODIES = [
    {"columns": ["x", "y"], "data": [[1.5, "p"]]},
    {"dataframe_split": {"columns": ["x", "y"], "index": [0], "data": [[1.5, "p"]]}},
    {"dataframe_records": [{"x": 1.5, "y": "p"}]},
    {"instances": [{"x": 1.5, "y": "p"}]},
    {"inputs": {"x": [1.5], "y": ["p"]}},
    {"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [1.5]},
                {"name": "y", "shape": [1, 1], "datatype": "BYTES", "data": [["p"]]}]},
    "x,y\n1.5,p\n",
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
def test_every_protocol_of_the_server_is_read(tmp_path: Path, body: Any) -> None:
    write(tmp_path, [asked("a", 0, body=body)], [happened("a", 1)])
    assert data(tmp_path).table.to_pylist() == [{"x": 1.5, "y": "p", "late": 1}]


@pytest.mark.parametrize("body", [{"data": [[1.5, "p"]]}, {"instances": [[1.5, "p"]]}, {"inputs": [[1.5, "p"]]}])
def test_columns_without_names_need_the_setting_features(tmp_path: Path, body: Any) -> None:
    write(tmp_path, [asked("a", 0, body=body)], [happened("a", 1)])
    assert data(tmp_path, features=("x", "y")).table.to_pylist() == [{"x": 1.5, "y": "p", "late": 1}]
    with pytest.raises(ConfigurationError, match="1 bodies: the columns are not named"):
        data(tmp_path)


def test_what_a_request_does_not_hold_is_null(tmp_path: Path) -> None:
    requests = [
        asked("a", 0, body={"columns": ["x"], "data": [[1]]}),
        asked("b", 0, body={"columns": ["z", "x"], "data": [[5, 2]]}),
    ]
    write(tmp_path, requests, [happened("a", 1), happened("b", 0)])
    assert data(tmp_path).table.to_pylist() == [{"x": 1, "z": None, "late": 1}, {"x": 2, "z": 5, "late": 0}]


def test_days_and_versions_are_chosen(tmp_path: Path) -> None:
    requests = [
        asked("old", 1, NOON - 2 * DAY),
        asked("a", 2),
        asked("b", 3, deployment="b"),
        asked("now", 4, NOON - 3 * DAY),
    ]
    outcomes = [
        happened("old", 1, NOON - 2 * DAY + 1),
        happened("a", 1),
        happened("b", 1),
        happened("now", 1, NOON - 3 * DAY + 1),
    ]
    write(tmp_path, requests, outcomes)
    assert data(tmp_path, since="2026-03-09").table.column("x").to_pylist() == [2, 3]
    assert data(tmp_path, until="2026-03-08", since="2026-03-08").table.column("x").to_pylist() == [1]
    assert data(tmp_path, versions=["b"]).table.column("x").to_pylist() == [3]


def test_parts_share_no_unit_and_miss_none(tmp_path: Path) -> None:
    requests = [asked(f"r{i}", i, unit=f"u{i % 40}") for i in range(200)]
    write(tmp_path, requests, [happened(f"r{i}", i % 2) for i in range(200)])
    parts = [data(tmp_path, part=p, also=["unit"], ignore=("unit",)).table for p in ([0, 0.7], [0.7, 1])]
    units = [set(p.column("unit").to_pylist()) for p in parts]
    assert not units[0] & units[1]
    assert sorted(x for p in parts for x in p.column("x").to_pylist()) == list(range(200))
    assert all(place(u) < 0.7 for u in units[0])


def test_columns_about_the_request_are_no_features(tmp_path: Path) -> None:
    write(tmp_path / "site" / "feedback", [asked("a", 1)], [happened("a", 1)])
    repository = Repository(tmp_path, "promote: {outcome: late, window: 5s}\n"
                            "data: {train: {use: feedback, also: [unit, time, request_id, version]}}\n")  # fmt: skip
    chosen = load_settings(Path(repository.settings), environment={}).settings.data["train"]
    found = load("train", chosen, tmp_path)
    assert (found.feature_names, found.settings.target) == (["x"], "late")
    assert found.table.select(["unit", "request_id", "version", "time"]).to_pylist() == [
        {"unit": "ua", "request_id": "a", "version": "a", "time": NOON - 100}
    ]


def test_the_loader_completes_the_settings_and_the_moment_is_no_input(tmp_path: Path) -> None:
    repository = Repository(tmp_path, "promote: {outcome: late, window: 5s}\ndata: {train: {use: feedback}}\n")
    first, second = (load_settings(Path(repository.settings), environment={}).settings.data["train"] for _ in range(2))
    assert (first.store, first.model, first.window, first.outcome) == (str(repository.store), "wine", 5.0, "late")
    assert first.now != second.now
    assert of_section(first) == of_section(second)


def test_settings_without_the_loader_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"load it from legion\.yaml"):
        open_source("train", FeedbackDataSettings(use="feedback", outcome="late"), tmp_path).table()


@pytest.mark.parametrize(("more", "what"), [
    ({"since": "tomorrow"}, "is not a day"), ({"part": [0.5, 0.5]}, "a part is a range"), ({"also": ["x"]}, "request_id"),
])  # fmt: skip
def test_wrong_settings_are_refused(tmp_path: Path, more: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        told(tmp_path, **more)


def test_no_rows_are_told_with_the_reasons(tmp_path: Path) -> None:
    write(tmp_path, [asked("a", 1), asked("b", 2, body="nonsense")], [outcome("a", {"delay": 3}, at=NOON)])
    with pytest.raises(ConfigurationError) as caught:
        data(tmp_path)
    text = str(caught.value)
    assert "2 answered requests" in text
    assert "1 rows without the outcome" in text
    assert "payloads hold delay" in text


def test_values_of_two_types_are_told_by_their_column(tmp_path: Path) -> None:
    write(tmp_path, [asked("a", 1), asked("b", "one")], [happened("a", 1), happened("b", 1)])
    with pytest.raises(ConfigurationError, match="values of 'x' are not of one type"):
        data(tmp_path)


def test_a_feature_of_the_outcomes_name_is_told(tmp_path: Path) -> None:
    write(tmp_path, [asked("a", 1, body={"columns": ["late"], "data": [[1]]})], [happened("a", 1)])
    with pytest.raises(ConfigurationError, match="requests have a feature 'late'"):
        data(tmp_path)


def test_one_more_row_is_another_digest(tmp_path: Path) -> None:
    write(tmp_path, [asked("a", 1)], [happened("a", 1)])
    before = open_source("train", told(tmp_path), tmp_path).digest()
    write(tmp_path, [asked("b", 1)], [happened("b", 1)], writer="v")
    assert open_source("train", told(tmp_path), tmp_path).digest() != before


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_same_events_in_any_order_and_number_are_the_same_data(chance: random.Random) -> None:
    requests = [asked(f"r{i}", i, NOON - 4000 + i) for i in range(12)]
    outcomes = [happened(f"r{i}", i % 3, NOON - 3998 + i) for i in range(0, 15, 2)]
    digests = set()
    for shuffled in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            both = [list(requests), list(outcomes)]
            if shuffled:
                both = [e + chance.choices(e, k=5) for e in both]
                for events in both:
                    chance.shuffle(events)
            write(Path(folder), *both)
            digests.add(open_source("train", told(Path(folder)), Path(folder)).digest())
    assert len(digests) == 1


def test_the_wine_model_learns_the_same_from_feedback_as_from_its_file(tmp_path: Path) -> None:
    wine = model_repository.copy("wine", tmp_path).folder
    rows = list(csv.DictReader((wine / "data" / "train.csv").open()))
    requests, outcomes = [], []
    for i, row in enumerate(rows):
        label = row.pop("cultivar")
        body = {"columns": list(row), "data": [[float(v) for v in row.values()]]}
        requests.append(asked(f"r{i}", 0, NOON - 5000 + i, body=body))
        outcomes.append(outcome(f"r{i}", {"cultivar": label}, at=NOON - 4999 + i))
    write(tmp_path / "feedback", requests, outcomes)
    theirs = load("train", told(tmp_path / "feedback", outcome="cultivar", target="cultivar"), tmp_path)
    yaml = load_settings(wine / "legion.yaml", environment={}).settings
    ours = load("train", yaml.data["train"], wine)
    spec = importlib.util.spec_from_file_location("wine_model", wine / "model.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    models = [module.train({"train": d}, {"C": 1.0}) for d in (ours, theirs)]
    evaluation = load("eval", yaml.data["eval"], wine)
    assert (models[0].predict(evaluation.features) == models[1].predict(evaluation.features)).all()
    assert models[1].score(evaluation.features, evaluation.target) > 0.9
