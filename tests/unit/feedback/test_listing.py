"""What people are told of a store: counts by version and day, and what could not be kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from feedback_site import DAY, NOON, Repository, tools
from promote_events import capture, outcome, write

from legion_ci.core.errors import ConfigurationError
from legion_ci.feedback import listing
from legion_ci.feedback.layout import REQUEST, hour_file
from legion_ci.feedback.listing import stored
from legion_ci.feedback.selection import Selection, select
from legion_ci.feedback.store import StoreSink


def shown(repository: Repository, capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    told = {"model_version": "", "since": "", "until": "", "json": False, **options}
    assert listing.show(tools(), repository.settings, (), **told) == 0
    return capsys.readouterr().out


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    requests = [
        capture("r1", at=NOON - DAY), capture("r2", at=NOON - DAY), capture("r2", deployment="b", purpose="shadow", at=NOON - DAY),
        capture("r3", deployment="b", at=NOON), capture("p", purpose="perf", at=NOON), capture("d", purpose="direct", at=NOON),
    ]  # fmt: skip
    outcomes = [outcome("r1", 1, at=NOON), outcome("r1", 1, at=NOON), outcome("never", 1, at=NOON)]
    write(made.store, requests, outcomes)
    return made


def test_every_version_and_day_has_its_counts(repository: Repository) -> None:
    rows = [
        (r.version, r.day, r.requests, r.copies, r.other, r.outcomes, r.unmatched)
        for r in stored(repository.store, Selection())
    ]
    assert rows == [
        ("a", "2026-03-09", 2, 0, 0, 0, 0), ("a", "2026-03-10", 0, 0, 2, 3, 1),
        ("b", "2026-03-09", 0, 1, 0, 0, 0), ("b", "2026-03-10", 1, 0, 0, 0, 0),
    ]  # fmt: skip


def test_the_bytes_are_those_on_the_disk(repository: Repository) -> None:
    on_disk = sum(p.stat().st_size for p in repository.store.rglob("*.jsonl"))
    assert sum(r.bytes for r in stored(repository.store, Selection())) == on_disk > 0


def test_a_version_and_days_can_be_chosen(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(shown(repository, capsys, model_version="b", until="2026-03-09", json=True))
    assert [(r["version"], r["day"], r["copies"]) for r in rows] == [("b", "2026-03-09", 1)]
    rows = json.loads(shown(repository, capsys, since="2026-03-10", json=True))
    assert {r["day"] for r in rows} == {"2026-03-10"}
    assert json.loads(shown(repository, capsys, since="1h", json=True)) == json.loads(
        shown(repository, capsys, since="2026-03-10", json=True)
    )


def test_the_table_ends_with_sums(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    last = shown(repository, capsys).splitlines()[-1].split()
    assert (last[0], last[1:6]) == ("all", ["3", "1", "2", "3", "1"])


def test_an_empty_store_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(Repository(tmp_path), capsys) == "nothing is stored (of this selection)\n"


def test_what_could_not_be_kept_is_counted_on_its_day(repository: Repository) -> None:
    blocked = hour_file(repository.store, REQUEST, "wine", "c", NOON, "x").parents[3]
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the version's folder should be")
    sink = StoreSink(repository.store, "x")
    for i in range(3):
        sink.put(capture(f"lost{i}", model_version="c", at=NOON))
    sink.close()
    assert sink.dropped == 3
    [row] = [r for r in stored(repository.store, Selection()) if r.version == "c"]
    assert (row.day, row.requests, row.dropped) == ("2026-03-10", 0, 3)


def test_days_of_hourly_files_are_listed_within_the_memory_limit(tmp_path: Path) -> None:
    events = [capture(f"r{h}", at=NOON + h * 3600) for h in range(24 * 4)]
    write(tmp_path, events, [outcome(f"r{h}", 1, at=NOON + h * 3600) for h in range(24 * 4)])
    found = stored(tmp_path, Selection())
    assert (sum(r.requests for r in found), sum(r.outcomes for r in found), sum(r.unmatched for r in found)) == (
        96,
        96,
        0,
    )


def test_days_that_are_none_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        select("", "yesterday", "2026-13-01", tools().clock.now())
    assert str(caught.value).count("is not a day") == 2
    with pytest.raises(ConfigurationError, match="no day is from"):
        select("", "2026-03-02", "2026-03-01", tools().clock.now())
