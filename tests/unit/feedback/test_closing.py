"""Past days become Parquet, and readers see each event exactly once at every moment, whatever is interrupted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from feedback_site import DAY, NOON
from promote_events import capture, outcome, write

from legion_ci.core.errors import ToolError
from legion_ci.feedback import closing
from legion_ci.feedback.closing import Disk, close_days, open_days
from legion_ci.feedback.database import opened
from legion_ci.feedback.events import FIELDS, source
from legion_ci.feedback.join import joined
from legion_ci.feedback.layout import ANSWER, OUTCOME, REQUEST, TAGS, day_folders, hour_file, visible
from legion_ci.feedback.lines import LineFiles

OLD = NOON - 2 * DAY


class Killed(BaseException):
    """What a kill -9 looks like from inside."""


class Mortal(Disk):
    """Dies before (or after) its nth act."""

    def __init__(self, dies_at: int, after: bool) -> None:
        self.left, self._after = dies_at, after

    def rename(self, old: Path, new: Path) -> None:
        self._act(lambda: Disk.rename(self, old, new))

    def remove(self, path: Path) -> None:
        self._act(lambda: Disk.remove(self, path))

    def sync(self, path: Path) -> None:
        self._act(lambda: Disk.sync(self, path))

    def _act(self, act: Any) -> None:
        self.left -= 1
        if self.left == 0 and not self._after:
            raise Killed
        act()
        if self.left == 0:
            raise Killed


def events(store: Path) -> dict[str, Counter[str]]:
    """All events as readers see them, each with its number."""
    found: dict[str, Counter[str]] = {}
    with opened(store, "reading") as db:
        for tag in TAGS:
            rows = db.execute(
                f"SELECT * FROM {source(store, tag, None, 0.0, tuple(FIELDS[tag]))} WHERE request_id IS NOT NULL"
            ).fetchall()
            found[tag] = Counter(map(repr, rows))
    return found


def filled(store: Path) -> dict[str, Counter[str]]:
    """Two old days and today, two writers, a twin event, a torn line."""
    for writer in ("v", "w"):
        requests = [capture(f"{writer}{i}", at=OLD + i * 4000, request='{"ü": 1}'.encode()) for i in range(12)]
        write(
            store,
            [*requests, requests[0], capture(f"{writer}-now", at=NOON)],
            [outcome(f"{writer}{i}", {"late": i}, at=OLD + i) for i in range(3)],
            writer,
        )
    with hour_file(store, REQUEST, "wine", "a", OLD, "w").open("ab") as file:
        file.write(b'{"request_id": "to')
    return events(store)


def test_a_closed_day_is_one_file_with_the_same_events(tmp_path: Path) -> None:
    before = filled(tmp_path)
    done = list(close_days(tmp_path, NOON))
    assert events(tmp_path) == before
    assert sum(d.rows for d in done) == 26 + 26 + 6
    for tag in TAGS:
        *past, _ = [*day_folders(tmp_path, tag), None]
        for folder in past:
            if folder.name != "day=10":
                assert [p.suffix for p in folder.iterdir()] == [".parquet"]
    assert not open_days(tmp_path, NOON)
    assert list(close_days(tmp_path, NOON)) == []


def test_today_stays_as_it_is_and_so_does_yesterday_for_an_hour(tmp_path: Path) -> None:
    filled(tmp_path)
    list(close_days(tmp_path, NOON))
    assert all(p.suffix == ".jsonl" for tag in (REQUEST, ANSWER) for p in visible(day_folders(tmp_path, tag)[-1]))
    write(tmp_path / "n", [capture("r", at=NOON)])
    assert not open_days(tmp_path / "n", NOON + DAY / 2 + 3599)
    assert open_days(tmp_path / "n", NOON + DAY / 2 + 3600)


def test_a_late_event_of_a_closed_day_is_seen_and_closed_too(tmp_path: Path) -> None:
    filled(tmp_path)
    list(close_days(tmp_path, NOON))
    write(tmp_path, [capture("straggler", at=OLD)])
    before = events(tmp_path)
    assert sum("straggler" in e for e in before[REQUEST]) == 1
    list(close_days(tmp_path, NOON))
    assert events(tmp_path) == before
    assert [p.name for p in day_folders(tmp_path, REQUEST)[0].iterdir()] == ["20260308+g0002.parquet"]


def test_a_writer_that_holds_a_file_open_loses_nothing_when_it_is_closed(tmp_path: Path) -> None:
    path = hour_file(tmp_path, OUTCOME, "wine", "a", OLD, "w")
    writer = LineFiles()
    writer.append(path, [outcome("r1", 1, at=OLD).line()], durable=True)
    list(close_days(tmp_path, NOON))
    writer.append(path, [outcome("r2", 2, at=OLD).line()], durable=True)
    writer.close()
    with opened(tmp_path, "reading") as db:
        rows = db.execute(
            f"SELECT request_id, time_unix FROM {source(tmp_path, OUTCOME, 'wine', 0.0, ('request_id', 'time_unix'))}"
        ).fetchall()
    assert sorted(r[0] for r in rows) == ["r1", "r2"]


def small(store: Path) -> Counter[str]:
    """A day of outcomes that was closed once and got late ones since, in two hours."""
    write(store, [], [outcome("first", 1, at=OLD), outcome("second", 1, at=OLD + 3600)])
    list(close_days(store, NOON))
    write(store, [], [outcome(f"late{i}", i, at=OLD + i * 3600) for i in range(2)])
    return told(store)


def told(store: Path) -> Counter[str]:
    with opened(store, "reading") as db:
        names = ("request_id", "time_unix")
        rows = db.execute(f"SELECT request_id, time_unix FROM {source(store, OUTCOME, None, 0.0, names)}").fetchall()
    return Counter(r[0] for r in rows)


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_act_readers_see_each_event_once_and_the_next_closing_goes_on(
    tmp_path: Path, after: bool
) -> None:
    base = tmp_path / "base"
    before = small(base)
    assert before == Counter(["first", "second", "late0", "late1"])
    counted = Mortal(10**6, after=False)
    list(close_days(shutil.copytree(base, tmp_path / "counted"), NOON, counted))
    assert 10**6 - counted.left == 2 + 1 + 1 + 3  # freeze, sync, take the place of, remove
    for n in range(1, 10**6 - counted.left + 1):
        store = shutil.copytree(base, tmp_path / str(n))
        with pytest.raises(Killed):
            list(close_days(store, NOON, Mortal(n, after)))
        assert told(store) == before, n
        write(store, [], [outcome("meanwhile", 1, at=OLD)])  # the writer goes on
        list(close_days(store, NOON))
        assert told(store) == before + Counter(["meanwhile"]), n
        assert not open_days(store, NOON), n


def test_the_join_is_the_same_before_and_after(tmp_path: Path) -> None:
    filled(tmp_path)
    ask = {"experiment": "x", "outcome": "late", "since": OLD + 3600.0}
    before = joined(tmp_path, "wine", **ask).rows  # type: ignore[arg-type]
    list(close_days(tmp_path, NOON))
    assert joined(tmp_path, "wine", **ask).rows.equals(before)  # type: ignore[arg-type]
    assert before.num_rows == 24 - 2 + 2


def test_lines_that_are_no_events_are_left_behind_with_no_event_lost(tmp_path: Path) -> None:
    before = filled(tmp_path)
    with hour_file(tmp_path, REQUEST, "wine", "a", OLD, "w").open("ab") as file:
        file.write(b'\n{"other": 1}\n[]\n\n"text"\n{"request_id": null}\n')
    list(close_days(tmp_path, NOON))
    assert events(tmp_path) == before


def test_a_day_of_which_parquet_would_hold_less_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = small(tmp_path)
    real = closing.of_files
    wide = len(FIELDS[OUTCOME])
    monkeypatch.setattr(
        closing, "of_files",
        lambda paths, columns: f"(SELECT * FROM {real(paths, columns)} LIMIT 3)" if len(columns) == wide else real(paths, columns),
    )  # fmt: skip
    with pytest.raises(ToolError, match="4 events are read, but only 3 of them fit into Parquet"):
        list(close_days(tmp_path, NOON))
    assert told(tmp_path) == before


_CHILD = """
import sys
from pathlib import Path
from legion_ci.feedback.closing import Disk, close_days
class Slow(Disk):
    def rename(self, old, new):
        super().rename(old, new)
        print("renamed", flush=True)
        sys.stdin.readline()
list(close_days(Path(sys.argv[1]), float(sys.argv[2]), Slow()))
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_real_kill_in_the_middle_leaves_no_lock_and_no_loss(tmp_path: Path) -> None:
    before = filled(tmp_path)
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(tmp_path), str(NOON)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout
    assert child.stdout.readline() == b"renamed\n"
    child.send_signal(signal.SIGKILL)
    child.wait(30)
    assert events(tmp_path) == before
    list(close_days(tmp_path, NOON))
    assert events(tmp_path) == before


def test_only_one_closes_at_a_time(tmp_path: Path) -> None:
    filled(tmp_path)
    with closing.upkeep(tmp_path):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(tmp_path), str(NOON)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(2)
        assert all(p.suffix == ".jsonl" for p in visible(day_folders(tmp_path, REQUEST)[0]))
    child.kill()
    child.wait(30)
