"""The life of a server process: ports, start, load, stop, broken models, several workers."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import serving_artefacts
from serving_process import Answer, Server, command, free_port, launch, serving, wait_ready

Artefacts = Callable[[str], Path]

SLOW = """
import time

def init():
    return "matrix"

def predict_on_matrix(input_matrix, provided_columns_names=None):
    time.sleep(float(input_matrix[0][0]))
    return [[len(input_matrix)] for _ in input_matrix], ("rows",)

def info():
    return [], []
"""


def _slow(folder: Path) -> Path:
    return serving_artefacts.gppi(folder / "artefact", SLOW.replace('"weights.json"', '""'))


def _in_thread(server: Server, body: object) -> threading.Thread:
    thread = threading.Thread(target=lambda: server.answers.append(server.post("/api/model/invoke", body)))
    thread.start()
    return thread


def test_a_taken_port_ends_the_server_with_one_line_that_names_it(artefacts: Artefacts) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(command(artefacts("gppi"), port), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert f"port {port} is in use" in line


def test_two_servers_never_share_a_port(artefacts: Artefacts, tmp_path: Path) -> None:
    with serving(artefacts("gppi"), tmp_path / "one.log") as first:
        done = subprocess.run(command(artefacts("gppi"), first.port), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert f"port {first.port} is in use" in done.stderr


def test_a_folder_that_is_no_artefact_is_said(tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path, free_port()), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "is not a model artefact" in done.stderr


def test_a_model_that_cannot_be_loaded_ends_the_server_with_the_reason_last(tmp_path: Path) -> None:
    artefact = serving_artefacts.gppi(tmp_path / "artefact", "import there_is_no_such_module\n")
    server = launch(artefact, tmp_path / "server.log")
    assert server.process.wait(60) == 1
    assert "there_is_no_such_module" in server.lines[-1]
    assert server.lines[-1].startswith("legion-serving: ")
    assert any("Traceback" in line for line in server.lines)


def test_a_model_that_predicts_its_sample_otherwise_than_at_training_is_not_served(tmp_path: Path) -> None:
    artefact = serving_artefacts.wine(tmp_path / "artefact")
    path = artefact / "legion_model" / "head_output.json"
    told = json.loads(path.read_text())
    told["data"][3][1] += 0.01
    path.write_text(json.dumps(told))
    server = launch(artefact, tmp_path / "server.log")
    assert server.process.wait(120) == 1
    assert "self-check failed: probability_0 of row 3" in server.lines[-1]


def test_what_is_in_flight_is_finished_on_term(tmp_path: Path) -> None:
    with serving(_slow(tmp_path), tmp_path / "server.log") as server:
        running = [_in_thread(server, {"data": [[1.0]]}) for _ in range(2)]
        _wait_for(lambda: _metric(server, "legion_model_calls_total") >= 1)
        assert server.stop() == 0
        for thread in running:
            thread.join(60)
        assert [a.status for a in server.answers] == [200, 200]
        assert "stopped" in server.lines[-1]


def test_the_health_check_is_503_while_the_model_loads(tmp_path: Path) -> None:
    artefact = serving_artefacts.gppi(
        tmp_path / "artefact", "import time, os\nwhile not os.path.exists('go'): time.sleep(0.01)\n" + SLOW
    )
    server = launch(artefact, tmp_path / "server.log")
    try:
        _wait_for(lambda: _listens(server.port))
        assert server.get("/healthcheck").status == 503
        assert server.get("/ping").status == 503
        busy = server.post("/api/model/invoke", {"data": [[0]]})
        assert (busy.status, busy.headers["retry-after"]) == (503, "1")
        (tmp_path / "go").touch()
        wait_ready(server)
        assert server.post("/api/model/invoke", {"data": [[0]]}).status == 200
    finally:
        server.stop()


def test_a_full_queue_answers_503_with_retry_after(tmp_path: Path) -> None:
    with serving(_slow(tmp_path), tmp_path / "server.log", "--queue", "1") as server:
        running = [_in_thread(server, {"data": [[1.0]]})]
        _wait_for(lambda: _metric(server, "legion_model_calls_total") == 1)
        running.append(_in_thread(server, {"data": [[0.0]]}))
        _wait_for(lambda: _metric(server, "legion_waiting_requests") == 1)
        refused = server.post("/api/model/invoke", {"data": [[0.0]]})
        for thread in running:
            thread.join(60)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert [a.status for a in server.answers] == [200, 200]


def test_several_workers_serve_one_port_and_end_together(artefacts: Artefacts, tmp_path: Path) -> None:
    with serving(artefacts("gppi"), tmp_path / "server.log", "--workers", "2") as server:
        _wait_for(lambda: sum(" ready " in line for line in server.lines) == 2)
        answers: list[Answer] = [server.post("/api/model/invoke", {"data": [[i, 1]]}) for i in range(12)]
        assert [a.json["prediction"][0][0] for a in answers] == [i + 1 for i in range(12)]
        for _ in range(8):  # whichever process answers
            text = server.get("/metrics").body.decode().splitlines()
            assert 'legion_requests_total{route="/api/model/invoke",status="200"} 12' in text
            assert {"legion_workers 2", "legion_ready 1", "legion_request_seconds_count 12"} <= set(text)
        assert server.stop() == 0
    assert not _listens(server.port)


def test_captures_reach_the_feedback_store_also_of_clients_that_left(tmp_path: Path) -> None:
    gateway = {"x-legion-arm": "blue", "x-legion-share": "0.5", "x-legion-experiment": "salt", "x-legion-step": "50"}
    options = ("--deployment", "blue", "--capture", str(tmp_path / "store"), "--unit-header", "X-Legion-Unit")
    with serving(_slow(tmp_path), tmp_path / "server.log", *options) as server:
        server.post("/api/model/invoke", {"data": [[0]]}, {**gateway, "Request-Id": "stayed", "x-legion-unit": "N1"})
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            body = b'{"data": [[0.5]]}'
            client.sendall(
                b"POST /api/model/invoke HTTP/1.1\r\nHost: x\r\nRequest-Id: left\r\nContent-Length: %d\r\n\r\n%s"
                % (len(body), body)
            )
            _wait_for(lambda: _metric(server, "legion_model_calls_total") == 2)
        server.stop()
    kept = _captured(tmp_path / "store" / "model_log" / "request_response")
    assert set(kept) == {"stayed", "left"}
    live = kept["stayed"]
    assert [live[k] for k in ("deployment", "arm", "purpose", "experiment", "step", "share")] == [
        "blue",
        "blue",
        "",
        "salt",
        "50",
        0.5,
    ]
    assert live["unit"] == hashlib.sha256(b"salt:N1").hexdigest()[:16]
    assert kept["left"]["purpose"] == "direct"
    assert set(_captured(tmp_path / "store" / "model_log" / "response_body")) == {"stayed", "left"}


def test_a_worker_that_is_killed_is_replaced_while_the_other_answers(artefacts: Artefacts, tmp_path: Path) -> None:
    with serving(artefacts("gppi"), tmp_path / "server.log", "--workers", "2") as server:
        _wait_for(lambda: len(_workers(server)) == 2)
        asked = [server.post("/api/model/invoke", {"data": [[i, 2]]}).status for i in range(10)]
        _wait_for(lambda: _metric(server, "legion_request_seconds_count") == len(asked))
        os.kill(_workers(server)[0], signal.SIGKILL)
        _wait_for(lambda: any("worker-died" in line for line in server.lines))
        while len(_workers(server)) < 3:
            asked.append(server.post("/api/model/invoke", {"data": [[1, 1]]}).status)
        for _ in range(8):  # whichever process answers
            asked.append(server.post("/api/model/invoke", {"data": [[1, 1]]}).status)
            _wait_for(lambda: _metric(server, "legion_request_seconds_count") == len(asked))
            assert _metric(server, "legion_model_calls_total") >= 10  # also those of the one that died
            assert (_metric(server, "legion_workers"), _metric(server, "legion_ready")) == (2, 1)
        assert set(asked) == {200}
        assert server.stop() == 0


def test_a_worker_that_dies_again_at_once_ends_the_server(artefacts: Artefacts, tmp_path: Path) -> None:
    with serving(artefacts("gppi"), tmp_path / "server.log") as server:
        _wait_for(lambda: len(_workers(server)) == 1)
        while server.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(_workers(server)[-1], signal.SIGKILL)
            time.sleep(0.01)
        assert server.process.wait(60) == 1
        assert "worker-died" in server.lines[-1]


def test_workers_end_when_the_main_process_is_killed(artefacts: Artefacts, tmp_path: Path) -> None:
    with serving(artefacts("gppi"), tmp_path / "server.log", "--workers", "2") as server:
        _wait_for(lambda: sum(" ready " in line for line in server.lines) == 2)
        server.process.kill()
        _wait_for(lambda: not _listens(server.port))


def test_a_module_in_the_working_folder_is_not_imported(artefacts: Artefacts, tmp_path: Path) -> None:
    (tmp_path / "yaml.py").write_text("raise SystemExit('surprise')\n")
    (tmp_path / "numpy.py").write_text("raise SystemExit('surprise')\n")
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.path[0] = ''; from legion_ci.serving import imports\n"
         "imports.forget_working_folder(); import yaml; print(yaml.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) not in done.stdout


def test_serving_imports_nothing_heavy_before_it_knows_the_model() -> None:
    code = "import sys, legion_ci.serving.server; print([m for m in ('mlflow','pandas','sklearn','pyarrow','numpy','pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def _captured(folder: Path) -> dict[str, dict[str, object]]:
    lines = [json.loads(line) for file in folder.rglob("*.jsonl") for line in file.read_text().splitlines()]
    return {line["request_id"]: line for line in lines}


def _workers(server: Server) -> list[int]:
    """Process ids of all workers that were ever ready, in that order."""
    return [int(line.split("legion-serving[")[1].split("]")[0]) for line in server.lines if " ready " in line]


def _metric(server: Server, name: str) -> float:
    lines = server.get("/metrics").body.decode().splitlines()
    return next(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + " "))


def _listens(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


def _wait_for(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)
