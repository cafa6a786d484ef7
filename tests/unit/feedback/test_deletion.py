"""One subject's rows go, everyone else's stay, and what is said to be gone is gone from every byte of the store."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from feedback_site import DAY, NOON, Repository, tools
from promote_events import capture, outcome, write

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.site import Site
from legion_ci.feedback import deletion
from legion_ci.feedback.closing import Disk, close_days
from legion_ci.feedback.database import opened
from legion_ci.feedback.deletion import delete, find, remains
from legion_ci.feedback.events import FIELDS, source
from legion_ci.feedback.layout import TAGS
from legion_ci.serving.captures import unit_hash

OLD = NOON - 2 * DAY


class Killed(BaseException):
    """What a kill -9 looks like from inside."""


class Mortal(Disk):
    """Dies before its nth act."""

    def __init__(self, dies_at: int) -> None:
        self.left = dies_at

    def rename(self, old: Path, new: Path) -> None:
        self._act()
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        self._act()
        super().remove(path)

    def sync(self, path: Path) -> None:
        self._act()
        super().sync(path)

    def _act(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


def of(name: str, unit: str, at: float, experiment: str = "x", **more: Any) -> Any:
    return capture(name, at=at, experiment=experiment, unit=unit_hash(experiment, unit), **more)


def filled(store: Path) -> None:
    """Ann and Bob on a closed day and today, in two experiments, with a copy that knows no unit of its own."""
    requests, outcomes = [], []
    for at, day in ((OLD, "old"), (NOON, "now")):
        for unit in ("ann", "bob"):
            name = f"{unit}-{day}"
            requests += [
                of(name, unit, at), of(f"{name}-y", unit, at, "y"),
                capture(name, at=at + 0.5, deployment="b", arm="a", purpose="shadow", experiment="", unit=unit_hash("", name)),
            ]  # fmt: skip
            outcomes += [outcome(name, {"late": 1}, at=at + 1), outcome(name, {"late": 2}, at=at + 2)]
    requests += [of("shared", "ann", NOON), of("shared", "bob", NOON + 1, deployment="c")]
    write(store, requests, outcomes)
    list(close_days(store, NOON))


def events(store: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    with opened(store, "reading") as db:
        for tag in TAGS:
            found.update(
                tag + repr(r)
                for r in db.execute(f"SELECT * FROM {source(store, tag, None, 0.0, tuple(FIELDS[tag]))}").fetchall()
            )
    return found


def test_every_row_of_the_unit_goes_and_every_other_stays(tmp_path: Path) -> None:
    filled(tmp_path)
    before = events(tmp_path)
    done = delete(tmp_path, "ann")
    gone = before - events(tmp_path)
    assert not events(tmp_path) - before
    assert (done.rows["request_response"], done.rows["response_body"], done.rows["feedback"]) == (7, 7, 4)
    assert sum(gone.values()) == 18
    assert all("bob" not in e for e in gone)
    assert not find(tmp_path, "ann").ids
    assert find(tmp_path, "bob").ids >= {"bob-old", "bob-now", "shared"}


def test_no_byte_of_the_store_names_the_unit_or_its_requests(tmp_path: Path) -> None:
    filled(tmp_path)
    delete(tmp_path, "ann")
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    for word in (b"ann-", unit_hash("x", "ann").encode(), unit_hash("y", "ann").encode()):
        assert not [p for p in files if word in p.read_bytes()]
    assert [p for p in files if p.suffix == ".parquet"]


def test_a_unit_that_was_its_request_id_is_found(tmp_path: Path) -> None:
    write(tmp_path, [of("r1", "r1", NOON), of("r2", "r2", NOON)], [outcome("r1", 1)])
    assert sum(delete(tmp_path, "r1").rows.values()) == 3
    assert sum(events(tmp_path).values()) == 2


def test_killed_at_any_act_the_next_deletion_finishes_and_others_lose_nothing(tmp_path: Path) -> None:
    base = tmp_path / "base"
    requests = [of(f"{u}-{n}", u, at) for u in ("ann", "bob") for n, at in (("old", OLD), ("now", NOON))]
    copy = capture("ann-now", at=NOON, deployment="b", arm="a", purpose="shadow", experiment="", unit="0" * 16)
    write(base, [*requests, copy], [outcome("ann-old", 1, at=OLD), outcome("bob-old", 1, at=OLD)])
    list(close_days(base, NOON))
    counted = Mortal(10**6)
    finished = shutil.copytree(base, tmp_path / "all")
    delete(finished, "ann", disk=counted)
    wanted = events(finished)
    assert 10**6 - counted.left > 10
    for n in range(1, 10**6 - counted.left + 1):
        store = shutil.copytree(base, tmp_path / str(n))
        with pytest.raises(Killed):
            delete(store, "ann", disk=Mortal(n))
        delete(store, "ann")
        assert events(store) == wanted, n
        assert not [p for p in store.rglob("*") if p.is_file() and b"ann-" in p.read_bytes()], n


def test_what_is_left_is_counted_also_in_files_that_nobody_reads(tmp_path: Path) -> None:
    filled(tmp_path)
    subject = find(tmp_path, "ann")
    assert remains(tmp_path, "ann", subject) == 25  # 7 captures found again, and 18 rows
    delete(tmp_path, "ann")
    assert remains(tmp_path, "ann", subject) == 0
    [day] = [p.parent for p in tmp_path.rglob("*.parquet") if "/feedback/" in str(p)]
    (day / ".leftover.tmp").write_bytes(outcome("ann-old", 1).line() + b"\n")
    assert remains(tmp_path, "ann", subject) == 1


def test_the_gateways_logs_are_blanked_in_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = Repository(tmp_path)
    filled(repository.store)
    site = Site(tmp_path / "site", "wine")
    lines = [
        {"unit": "ann", "request_id": "q"},
        {"unit": "bob", "request_id": "p"},
        {"unit": None, "request_id": "ann-now"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    for log in (site.gateway / "access.log", site.gateway / "access.log.1", site.promotion / "x.refused.jsonl"):
        log.parent.mkdir(exist_ok=True)
        log.write_text(text + '{"unit": "ann", "to')
    assert deletion.run(tools(), repository.settings, (), "ann") == 0
    told = capsys.readouterr().out
    assert "removed 7 requests, 7 answers, 4 outcomes of the unit" in told
    assert "6 lines of the gateway's logs blanked" in told
    blanked = (site.gateway / "access.log").read_text()
    assert len(blanked) == len(text + '{"unit": "ann", "to')
    assert [line.strip() for line in blanked.splitlines()] == ["", json.dumps(lines[1]), "", '{"unit": "ann", "to']


def test_nobody_is_deleted_without_a_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--unit"):
        deletion.run(tools(), Repository(tmp_path).settings, (), "")
