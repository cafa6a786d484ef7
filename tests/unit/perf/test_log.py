from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from legion_ci.perf.batches import cut
from legion_ci.perf.histogram import percentiles_ms, quantile_us
from legion_ci.perf.log import RAW, TICKS, Tick, on_grid, read_ticks
from legion_ci.perf.plan import Plan
from legion_ci.perf.recorder import Recorder, Seen

latencies = st.lists(st.integers(1, 60_000_000), min_size=1, max_size=200)


def plan(folder, **changes):
    facts = {
        "host": "",
        "rate": 10,
        "arrivals": "constant",
        "duration_s": 4,
        "warmup_s": 1,
        "users": 1,
        "most_users": 1,
        "late_s": 1,
        "folder": str(folder),
    }
    return Plan(**{**facts, **changes})


@given(latency=st.integers(1, 3_600_000_000))
def test_the_grid_keeps_microseconds_below_two_milliseconds_and_a_thousandth_above(latency):
    cell = on_grid(latency)
    assert cell <= latency
    assert latency - cell <= (0 if latency < 2048 else latency / 1000)


def test_what_is_longer_than_an_hour_or_shorter_than_a_microsecond_is_still_counted():
    assert on_grid(10**12) == on_grid(3_600_000_000)
    assert on_grid(0) == 1


@given(values=latencies, quantile=st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_the_value_that_the_share_does_not_exceed(values, quantile):
    found = quantile_us(Counter(values), quantile)
    assert sum(v <= found for v in values) >= quantile * len(values) - 1e-6
    assert sum(v < found for v in values) < quantile * len(values) + 1e-6


@given(values=latencies)
def test_percentiles_rise_and_agree_with_the_values_to_a_thousandth(values):
    found = percentiles_ms(Counter(on_grid(v) for v in values))
    rising = list(found.values())
    assert rising == sorted(rising)
    assert abs(found["max"] * 1000 - max(values)) <= max(values) / 1000 + 1


@given(first=latencies, second=latencies)
def test_pieces_of_the_log_add_up_to_the_whole(first, second):
    pieces = [
        Tick(tick=t, answered=dict(Counter(map(on_grid, values)))) for t in (12, 31) for values in (first, second)
    ]
    whole = [Tick(tick=t, answered=dict(Counter(map(on_grid, first + second)))) for t in (12, 31)]
    a, b = cut(pieces, 4.0, 1.0), cut(whole, 4.0, 1.0)
    assert a.times == b.times
    assert (a.answered == b.answered).all()


def test_a_request_counts_at_its_intended_start_and_its_answer_when_it_came(tmp_path):
    recorder = Recorder(plan(tmp_path))
    recorder.put(Seen(1.05, 2.5, 3.05, "/invoke", status=200))
    recorder.put(Seen(1.06, 1.06, 1.16, "/invoke", failure="HTTP 500", status=500))
    recorder.flush()
    ticks = {t.tick: t for t, _ in read_ticks(tmp_path / TICKS)}
    assert ticks[10].answered == {on_grid(2_000_000): 1}
    assert ticks[10].failed == {on_grid(100_000): 1}
    assert ticks[30].done == 1
    assert recorder.status.failures == {"HTTP 500": 1}


def test_the_warm_up_is_cut_and_batches_are_equal_spans_of_time(tmp_path):
    ticks = [Tick(tick=t, answered={100: 1}, done=1) for t in range(40)]
    measured = cut(ticks, 4.0, 1.0)
    assert measured.requests == 30
    assert round(measured.measured_s, 9) == 3.0
    assert len(measured.width_s) == 20
    assert (measured.totals / measured.width_s).round(6).tolist() == [10.0] * 20
    assert [p.requests for p in measured.series] == [10, 10, 10, 10]


def test_the_raw_log_stops_at_its_limit_and_says_how_many_rows_are_missing(tmp_path):
    recorder = Recorder(plan(tmp_path, raw_limit_bytes=500))
    for i in range(100):
        recorder.put(Seen(i / 100, i / 100, i / 100 + 0.001, "/invoke"))
    recorder.flush()
    rows = len((tmp_path / RAW).read_text().splitlines()) - 1
    assert rows == recorder.status.raw_rows
    assert rows + recorder.status.raw_lost == 100
    assert sum(sum(t.answered.values()) for t, _ in read_ticks(tmp_path / TICKS)) == 100


def test_distinct_failures_are_bounded_and_none_is_lost(tmp_path):
    recorder = Recorder(plan(tmp_path))
    for i in range(100):
        recorder.put(Seen(0, 0, 0.001, "/invoke", failure=f"broken {i} " + "x" * 500))
    assert len(recorder.status.failures) == 21
    assert sum(recorder.status.failures.values()) == 100
    assert max(map(len, recorder.status.failures)) == 200


def test_a_line_that_is_still_being_written_is_left_for_the_next_reading(tmp_path):
    path = tmp_path / TICKS
    path.write_bytes(b'{"tick":1,"done":2}\n{"tick":2,"do')
    ((tick, offset),) = read_ticks(path)
    assert tick.done == 2
    path.write_bytes(b'{"tick":1,"done":2}\n{"tick":2,"done":5}\n')
    ((later, _),) = read_ticks(path, offset)
    assert later.done == 5
