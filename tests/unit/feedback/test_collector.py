"""The collector as a process of its own: Legion's answers, and that what it acknowledged outlives its death."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

HEADERS = {"request-id": "r1", "model-name": "wine", "model-version": "1"}


class Collector:
    """A running collector."""

    def __init__(self, store: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [
            sys.executable,
            "-m",
            "legion_ci.feedback.collector",
            "--store",
            str(store),
            "--port",
            str(self.port),
        ]
        self.process = subprocess.Popen(command)
        self._wait()

    def _wait(self) -> None:
        for _ in range(1500):
            with contextlib.suppress(OSError):
                if self.ask("GET", "/healthcheck")[0] == 200:
                    return
            assert self.process.poll() is None
            time.sleep(0.02)
        raise AssertionError("the collector did not become ready")

    def ask(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> tuple[int, object]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def tell(self, body: str, **headers: str) -> tuple[int, object]:
        return self.ask(
            "POST", "/api/v1/feedback", body, {**HEADERS, **{k.replace("_", "-"): v for k, v in headers.items()}}
        )


@contextlib.contextmanager
def running(store: Path) -> Iterator[Collector]:
    collector = Collector(store)
    try:
        yield collector
    finally:
        if collector.process.poll() is None:
            collector.process.terminate()
            collector.process.wait(30)


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with running(tmp_path_factory.mktemp("store")) as one:
        yield one


def stored(store: Path) -> list[dict[str, object]]:
    return [json.loads(line) for p in sorted(store.rglob("*.jsonl")) for line in p.read_text().splitlines()]


def test_an_outcome_is_taken_and_told_back(collector: Collector) -> None:
    status, answer = collector.tell('{"late": true}')
    assert (status, answer) == (
        200, {"requestID": "r1", "modelVersion": "1", "modelName": "wine", "payload": {"json": {"late": True}}},
    )  # fmt: skip


@pytest.mark.parametrize("body", ["3", '"text"', "null", "[1, 2]", '{"a": {"b": 1}}'])
def test_any_json_is_an_outcome(collector: Collector, body: str) -> None:
    status, answer = collector.tell(body)
    assert status == 200
    assert isinstance(answer, dict)
    assert answer["payload"] == {"json": json.loads(body)}


def test_headers_may_carry_legions_older_prefix(collector: Collector) -> None:
    told = {f"x-{name}": value for name, value in HEADERS.items()}
    assert collector.ask("POST", "/api/v1/feedback", "1", told)[0] == 200


OLDER = "/api/model/wine%20red/1.0/feedback"


def test_legions_older_address_names_the_model_and_gets_the_older_answer(tmp_path: Path) -> None:
    with running(tmp_path) as one:
        form = {"Request-ID": "r2", "Content-Type": "application/x-www-form-urlencoded"}
        told = one.ask("POST", OLDER, '{"late": true}', {"Request-ID": "r1"})
        assert told == (200, {"error": False, "registered": True, "message": {"json": {"late": True}}})
        assert one.ask("POST", OLDER, "late=true&note=", form)[0] == 200
    kept = [(r["request_id"], r["model_name"], r["model_version"], r["payload"]) for r in stored(tmp_path)]
    assert kept == [
        ("r1", "wine red", "1.0", {"late": True}), ("r2", "wine red", "1.0", {"late": "true", "note": ""}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "headers", "expected"),
    [
        (OLDER, "1", {}, (400, "request-id header is missed")),
        (OLDER, "{", {"request-id": "r"}, (400, "Cannot parse data")),
        (
            f"/api/model/{'x' * 201}/1/feedback",
            "1",
            {"request-id": "r"},
            (400, "model-name is longer than 200 characters"),
        ),
        ("/api/model/wine/feedback", "1", {"request-id": "r"}, (404, "Incorrect URL")),
    ],
)
def test_what_is_wrong_at_the_older_address_is_said(
    collector: Collector, path: str, body: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert collector.ask("POST", path, body, headers) == (expected[0], {"error": expected[1]})


@pytest.mark.parametrize("name", ["request-id", "model-name", "model-version"])
def test_a_missing_header_is_named(collector: Collector, name: str) -> None:
    told = {k: v for k, v in HEADERS.items() if k != name}
    assert collector.ask("POST", "/api/v1/feedback", "1", told) == (400, {"error": f"{name} header is missed"})


@pytest.mark.parametrize("body", ["", "{", "{'a': 1}", "\x00"])
def test_what_is_no_json_is_refused(collector: Collector, body: str) -> None:
    assert collector.tell(body) == (400, {"error": "Cannot parse data"})


@pytest.mark.parametrize(("method", "path"), [("POST", "/feedback"), ("GET", "/api/v1/feedback"), ("GET", "/")])
def test_other_urls_are_not_known(collector: Collector, method: str, path: str) -> None:
    assert collector.ask(method, path, "", HEADERS) == (404, {"error": "Incorrect URL"})


def test_an_outcome_that_is_too_large_is_refused(collector: Collector) -> None:
    assert collector.tell('"' + "x" * (1 << 20) + '"')[0] == 413


def test_a_storage_that_is_down_is_said_and_the_collector_goes_on(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.write_text("a file where the folder should be")
    with running(store) as collector:
        assert collector.tell("1") == (502, {"error": "Cannot deliver message"})
        store.unlink()
        assert collector.tell("1")[0] == 200
    assert len(stored(store)) == 1


def test_term_ends_it_in_order(tmp_path: Path) -> None:
    with running(tmp_path) as collector:
        collector.tell("1")
        collector.process.terminate()
        assert collector.process.wait(30) == 0


def test_a_port_in_use_is_an_error_that_names_it(tmp_path: Path) -> None:
    with running(tmp_path) as collector:
        command = [
            sys.executable,
            "-m",
            "legion_ci.feedback.collector",
            "--store",
            str(tmp_path),
            "--port",
            str(collector.port),
        ]
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert second.returncode == 2
        assert f"port {collector.port}" in second.stderr


def test_every_acknowledged_outcome_outlives_a_kill(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    with running(tmp_path) as collector:

        def tell(worker: int) -> None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                for i in range(10_000):
                    name = f"{worker}-{i}"
                    if collector.tell("1", request_id=name)[0] == 200:
                        acknowledged.append(name)

        workers = [threading.Thread(target=tell, args=(n,)) for n in range(4)]
        for w in workers:
            w.start()
        while len(acknowledged) < 100:
            time.sleep(0.01)
        _kill_with_workers(collector.process)
        for w in workers:
            w.join()
    kept = set()
    for path in tmp_path.rglob("*.jsonl"):
        for line in path.read_text().splitlines():
            with contextlib.suppress(ValueError):  # the last line may be torn; it was not acknowledged
                kept.add(json.loads(line)["request_id"])
    assert len(acknowledged) >= 100
    assert set(acknowledged) <= kept


def _kill_with_workers(process: subprocess.Popen[bytes]) -> None:
    import psutil

    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for member in family:
        member.send_signal(signal.SIGKILL)
    process.wait(30)
