"""Which snapshot counts, whoever asks and whenever."""

import threading

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.data import snapshots
from legion_ci.data.arrow import RowDigest, rebatched
from legion_ci.data.duckdb import DuckdbSettings
from legion_ci.data.snapshots import FetchedSettings, Snapshots
from legion_ci.data.source import open_source


class Clock:
    """Time that moves when told."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time_ns(self) -> int:
        return int(self.now * 1e9)


class Counter:
    """Fetches number after number."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, target) -> str:
        self.n += 1
        (target / "part").write_text(str(self.n))
        return f"{self.n:064x}"


def text(snapshot) -> str:
    return snapshot.files()[0].read_text()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock(1000.0)
    monkeypatch.setattr(snapshots, "time", clock)
    return clock


def test_every_process_of_a_task_reads_what_its_first_one_fetched_even_when_another_task_fetches_later(clock, tmp_path):
    store, fetch = Snapshots(tmp_path, "train", "k"), Counter()
    first = store.get(FetchedSettings(), fetch, as_of=1000.0)
    clock.now = 1010.0
    later = store.get(FetchedSettings(), fetch, as_of=1005.0)
    assert (text(first), text(later)) == ("1", "2")
    assert text(store.get(FetchedSettings(), fetch, as_of=1000.0)) == "1"
    assert text(store.get(FetchedSettings(), fetch, as_of=1005.0)) == "2"


def test_a_copy_may_be_as_old_as_it_is_said_and_no_older(clock, tmp_path):
    store, fetch = Snapshots(tmp_path, "train", "k"), Counter()
    store.get(FetchedSettings(), fetch, as_of=1000.0)
    clock.now = 1060.5
    assert text(store.get(FetchedSettings(expires=61.0), fetch, as_of=1060.0)) == "1"
    assert text(store.get(FetchedSettings(expires=59.0), fetch, as_of=1060.0)) == "2"
    clock.now = 1e9
    assert text(store.get(FetchedSettings(expires="never"), fetch, as_of=1e9)) == "1"


def test_a_fetch_that_fails_leaves_nothing_that_counts(clock, tmp_path):
    def broken(target):
        (target / "part").write_text("half")
        raise OSError("gone")

    store = Snapshots(tmp_path, "train", "k")
    with pytest.raises(OSError, match="gone"):
        store.get(FetchedSettings(), broken, as_of=1000.0)
    assert text(store.get(FetchedSettings(), Counter(), as_of=1000.0)) == "1"


def test_old_copies_and_what_killed_processes_left_go(clock, tmp_path):
    store, fetch = Snapshots(tmp_path, "train", "k"), Counter()
    home = next(iter([store.get(FetchedSettings(), fetch, as_of=1000.0).folder.parent]))
    (home / ".making-x").mkdir()
    clock.now += 2 * 86400
    store.get(FetchedSettings(), fetch, as_of=clock.now)
    assert [p.name[-1] for p in sorted(home.iterdir())] == ["2"]


def test_two_that_want_the_same_fetch_once(clock, tmp_path):
    store, fetch, go = Snapshots(tmp_path, "train", "k"), Counter(), threading.Event()

    def slow(target):
        go.wait(30)
        return fetch(target)

    found = []
    threads = [
        threading.Thread(target=lambda: found.append(store.get(FetchedSettings(), slow, 1000.0))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(60)
    assert [text(s) for s in found] == ["1", "1"]


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 12))
def test_rows_in_other_pieces_are_made_the_same_pieces(sizes, rows):
    whole = pa.table({"n": list(range(sum(sizes)))})
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    given_pieces = [whole.slice(s, n) for s, n in zip(starts, sizes, strict=True)] or [whole]
    made = list(rebatched(iter(given_pieces), rows))
    assert pa.concat_tables(made).equals(whole)
    assert all(t.num_rows == rows for t in made[:-1])
    assert made[-1].num_rows <= rows


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1), st.data())
def test_a_digest_tells_values_apart_and_not_what_lies_under_nulls(values, data):
    def digest(table):
        told = RowDigest()
        told.update(table)
        return told.hexdigest()

    mask = [v is None for v in values]
    clean = pa.array(values, pa.int64())
    junk = pa.Array.from_buffers(
        pa.int64(),
        len(values),
        [clean.buffers()[0], pa.array([v if v is not None else 77 for v in values]).buffers()[1]],
    )
    assert junk.to_pylist() == values
    assert digest(pa.table({"n": clean})) == digest(pa.table({"n": junk}))
    other = data.draw(st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1))
    same = digest(pa.table({"n": pa.array(other, pa.int64())})) == digest(pa.table({"n": clean}))
    assert same == (other == values), mask


def test_a_query_over_files_joins_and_is_read_with_its_parameters(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("k,x\n1,10\n2,20\n")
    (tmp_path / "data" / "b.csv").write_text("k,y\n1,0\n2,1\n")
    query = "SELECT x, y FROM 'data/a.csv' JOIN 'data/b.csv' USING (k) WHERE x > $least ORDER BY k"
    source = open_source("train", DuckdbSettings(query=query, parameters={"least": 10}), tmp_path)
    assert source.table().to_pydict() == {"x": [20], "y": [1]}
