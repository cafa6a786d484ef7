"""The sink: what is stored where, and that nothing it cannot keep ever reaches the server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from promote_events import capture

from legion_ci.feedback.store import StoreSink, open_sink


def lines(folder: Path, tag: str) -> list[dict[str, object]]:
    found = sorted((folder / "model_log" / tag).rglob("*.jsonl"))
    return [json.loads(line) for p in found for line in p.read_text().splitlines()]


def test_a_request_and_its_answer_lie_where_legion_puts_them(tmp_path: Path) -> None:
    sink = open_sink(tmp_path, "w-1")
    sink.put(capture("r1", at=1_700_000_000.25))
    sink.close()
    place = "wine/a/year=2023/month=11/day=14/2023111422_w-1.jsonl"
    assert (tmp_path / "model_log/request_response" / place).is_file()
    assert (tmp_path / "model_log/response_body" / place).is_file()
    [request], [answer] = lines(tmp_path, "request_response"), lines(tmp_path, "response_body")
    assert request["request_id"] == answer["request_id"] == "r1"
    assert (request["time"], request["response_status"], request["share"]) == ("2023-11-14T22:13:20.250Z", 200, 0.5)
    assert request["request_http_headers"] == request["response_http_headers"] == {}
    assert json.loads(str(answer["response_content"]))["prediction"] == [[1, 0.2, 0.8]]


def test_rows_can_be_read_while_the_sink_is_open(tmp_path: Path) -> None:
    sink = open_sink(tmp_path, "w")
    sink.put(capture("r1"))
    for _ in range(500):
        if lines(tmp_path, "request_response"):
            break
        time.sleep(0.02)
    assert [r["request_id"] for r in lines(tmp_path, "request_response")] == ["r1"]
    sink.close()


def test_a_full_queue_counts_what_it_drops_and_keeps_the_rest(tmp_path: Path) -> None:
    sink = StoreSink(tmp_path, "w", most=10)
    sink._ending.set()  # the thread stops taking
    sink._thread.join()
    sink._ending.clear()
    for i in range(25):
        sink.put(capture(f"r{i}"))
    assert sink.dropped == 15
    sink._drain()
    assert len(lines(tmp_path, "request_response")) == 10


def test_a_queue_is_bounded_in_bytes_too(tmp_path: Path) -> None:
    sink = StoreSink(tmp_path, "w", most_bytes=1000)
    sink._ending.set()
    sink._thread.join()
    sink._ending.clear()
    for i in range(5):
        sink.put(capture(f"r{i}", request=b"x" * 600))
    assert sink.dropped == 3


def test_a_disk_that_takes_nothing_is_counted_and_never_raised(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    sink = open_sink(tmp_path / "store", "w")
    sink.put(capture("r1"))
    sink.close()
    assert sink.dropped == 1


def test_a_capture_that_cannot_be_written_is_counted_and_never_raised(tmp_path: Path) -> None:
    sink = open_sink(tmp_path, "w")
    sink.put(capture("r1", share=object()))
    sink.close()
    assert sink.dropped == 1


def test_what_comes_after_the_close_is_counted(tmp_path: Path) -> None:
    sink = open_sink(tmp_path, "w")
    sink.close()
    sink.put(capture("r1"))
    sink.close()
    assert sink.dropped == 1


def test_a_line_torn_by_a_kill_does_not_spoil_the_next_one(tmp_path: Path) -> None:
    first = open_sink(tmp_path, "w")
    first.put(capture("r1"))
    first.close()
    [path] = (tmp_path / "model_log/request_response").rglob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-20])
    second = open_sink(tmp_path, "w")
    second.put(capture("r2"))
    second.close()
    assert json.loads(path.read_text().splitlines()[1])["request_id"] == "r2"


def test_a_model_name_cannot_leave_the_store(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "store", "w")
    sink.put(capture("r1", model_name="../../evil", model_version=".."))
    sink.close()
    assert [p.name for p in tmp_path.iterdir()] == ["store"]
    assert sink.dropped == 0
    assert len(lines(tmp_path / "store", "request_response")) == 1


def test_bodies_that_are_no_text_are_kept_readable(tmp_path: Path) -> None:
    sink = open_sink(tmp_path, "w")
    sink.put(capture("r1", request=b"\xff\xfe", response=b"\x00\xff"))
    sink.close()
    assert lines(tmp_path, "request_response")[0]["request_content"] == "\ufffd\ufffd"


def test_the_sink_costs_the_model_server_no_heavy_import() -> None:
    code = (
        "import sys, legion_ci.feedback.store; "
        "print(*({'numpy','duckdb','pyarrow','scipy','granian','pydantic','yaml'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


def test_bodies_are_cut_at_a_mebibyte_as_in_legion(tmp_path: Path) -> None:
    sink = open_sink(tmp_path, "w")
    sink.put(capture("r1", request=b"x" * (3 << 20)))
    sink.close()
    assert len(str(lines(tmp_path, "request_response")[0]["request_content"])) == 1 << 20
