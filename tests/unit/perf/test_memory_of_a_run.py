"""What is kept of a run does not grow with it: a hundredth of the hour that ``make bench-long`` runs."""

import gc
import random
import tracemalloc

from perf_runs import raw_rows

from legion_ci.perf.log import TICKS, read_ticks
from legion_ci.perf.plan import Plan
from legion_ci.perf.recorder import Recorder, Seen

RATE, SECONDS = 1000, 36


def held_bytes():
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_thirty_six_seconds_at_a_thousand_a_second_hold_no_more_than_the_first_few(tmp_path):
    folder = tmp_path / "work" / "perf"
    folder.mkdir(parents=True)
    plan = Plan(
        host="", rate=RATE, arrivals="constant", duration_s=SECONDS, warmup_s=0, users=1, most_users=1, late_s=1,
        folder=str(folder),
    )  # fmt: skip
    recorder, draw, held = Recorder(plan), random.Random(1), []
    tracemalloc.start()
    try:
        for second in range(SECONDS):
            for i in range(RATE):
                at = second + i / RATE
                recorder.put(Seen(at, at, at + draw.lognormvariate(-5, 0.5), "/api/model/invoke", status=200))
            recorder.flush()
            held.append(held_bytes())
    finally:
        tracemalloc.stop()
    assert max(held[18:]) - max(held[3:9]) < 64_000  # bytes; a list of the requests would have grown by megabytes
    assert sum(sum(t.answered.values()) for t, _ in read_ticks(folder / TICKS)) == RATE * SECONDS
    assert len(raw_rows(tmp_path)) == RATE * SECONDS
