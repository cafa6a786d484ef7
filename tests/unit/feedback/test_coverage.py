"""The join for people: coverage and time to outcome by arm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from feedback_site import NOON, Repository, tools
from promote_events import capture, outcome, write

from legion_ci.core.errors import ConfigurationError
from legion_ci.feedback import coverage


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path, "promote: {outcome: late, window: 100s}\n")
    old = [capture(f"a{i}", at=NOON - 1000, unit=f"u{i}") for i in range(10)]
    new = [capture(f"b{i}", deployment="b", at=NOON - 1000, unit=f"u{i}", experiment="y") for i in range(4)]
    young = [
        capture("b9", deployment="b", at=NOON - 50, unit="u9"),
        capture("x", deployment="b", at=NOON - 1000, status=500, response=b""),
    ]
    copies = [capture("a0", deployment="b", arm="a", purpose="shadow", at=NOON - 1000)]
    told = [outcome(f"a{i}", {"late": 1}, at=NOON - 1000 + 10 * (i + 1)) for i in range(5)]
    told += [
        outcome("a0", {"late": 1}, at=NOON),
        outcome("b0", {"late": 0}, at=NOON - 1000 + 500),
        outcome("b9", {"late": 0}, at=NOON),
    ]
    write(made.store, [*old, *new, *young, *copies], [*told, outcome("never", {"late": 1}, at=NOON)])
    return made


def found(repository: Repository, capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, Any]:
    told = {"outcome": "", "experiment": "", "window": "", "model_version": "", "since": "", "until": "", "output": "",
            "format_": "", "json": True, **options}  # fmt: skip
    assert coverage.show(tools(), repository.settings, (), **told) == 0
    out = capsys.readouterr().out
    return dict(json.loads(out)) if told["json"] else {"text": out}


def test_each_arm_has_its_coverage_among_mature_rows_and_its_time_to_outcome(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    told = found(repository, capsys)
    arms = {(a["arm"], a["purpose"]): a for a in told["arms"]}
    assert set(arms) == {("a", ""), ("b", ""), ("b", "shadow")}
    a, b = arms["a", ""], arms["b", ""]
    assert (a["units"], a["rows"], a["mature"], a["covered"], a["late"]) == (10, 10, 10, 5, 0)
    assert a["to_outcome_s"] == [30.0, 48.0, 50.0]
    assert (b["rows"], b["answered"], b["mature"], b["covered"], b["late"]) == (6, 5, 4, 0, 1)
    assert arms["b", "shadow"]["covered"] == 1
    assert told["unmatched"] == 1


def test_a_longer_window_counts_what_was_late(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    told = found(repository, capsys, window="10m")
    assert [(a["covered"], a["late"]) for a in told["arms"] if a["arm"] == "b" and not a["purpose"]] == [(1, 0)]


def test_one_experiment_can_be_chosen(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    told = found(repository, capsys, experiment="y")
    assert [(a["arm"], a["rows"]) for a in told["arms"]] == [("b", 4)]


def test_the_joined_rows_are_written_too(
    repository: Repository, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found(repository, capsys, output=str(tmp_path / "rows.jsonl"), model_version="a")
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert (len(rows), {r["model_version"] for r in rows}, sum(r["outcome"] == "1" for r in rows)) == (10, {"a"}, 5)


def test_people_read_shares_and_times(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    text = found(repository, capsys, json=False)["text"]
    assert (
        "a: 10 requests of 10 units, 10 rows, 10 answered; coverage 50.0% (5 of 10 whose window is over), 0 late"
        in text
    )
    assert "median 30 s, 95 % within 48 s, longest 50 s" in text
    assert "never served: 1" in text


def test_a_field_that_no_payload_has_is_told_with_those_that_they_have(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        "no payload has the field 'latee'; seen are late"
        in found(repository, capsys, outcome="latee", json=False)["text"]
    )


def test_without_an_outcome_there_is_nothing_to_join(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match="no outcome is named"):
        found(Repository(tmp_path), capsys)
    with pytest.raises(ConfigurationError, match="--window"):
        found(Repository(tmp_path, "promote: {outcome: late}\n"), capsys, window="soon")
