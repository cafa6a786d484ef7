"""The model server against its limit: the same granian answering a constant, and the model's own ``predict``.

One connection: p50 against the sum of the two (goal: at most 1.3×); ``predict`` is timed call after call, with warm caches.
Also against the same HTTP server calling ``predict`` before its constant answer, as cold as ours finds it. 32 connections:
the constant's throughput over ours. All are ratios of interleaved pairs; every pair measures all sides again.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from timing import pairs

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

P50_LIMIT = 1.3
CONNECTIONS = 32
ANSWER = b'{"prediction":[[0,0.9997831277739022,0.0001926524901403379,0.00002421973595743]],"columns":["prediction"]}'


async def constant(scope: Any, proto: Any) -> None:
    """An application that reads a request and answers always the same."""
    await proto()
    proto.response_bytes(200, [("content-type", "application/json")], ANSWER)


def constant_target() -> Any:
    """What granian loads."""
    return constant


async def predicting(scope: Any, proto: Any) -> None:
    """The same after a call of the model with one row, the same each time."""
    await proto()
    CALLS[0]()
    proto.response_bytes(200, [("content-type", "application/json")], ANSWER)


CALLS: list[Callable[[], object]] = []


def predicting_target() -> Any:
    """What granian loads in the worker."""
    CALLS.append(model_call(Path(sys.argv[-1])))
    return predicting


def serve_constant(port: int, target: Callable[[], Any]) -> None:
    """The limit: the settings of our server, nothing (or one call of the model) behind them."""
    from granian.constants import Interfaces
    from granian.server.mp import MPServer

    MPServer("constant", port=port, interface=Interfaces.RSGI, websockets=False, backlog=2048, backpressure=2048,
             log_enabled=False).serve(target_loader=target, wrap_loader=False)  # fmt: skip


def request_of(body: bytes) -> bytes:
    """The bytes of one POST."""
    head = f"POST /api/model/invoke HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def connect(port: int) -> socket.socket:
    """A connection without delay."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def p50_s(connection: socket.socket, request: bytes, count: int) -> float:
    """Median time of one request after the other."""
    return statistics.median(pairs.seconds(lambda: _ask(connection, request)) for _ in range(count))


def second_per_request(port: int, request: bytes, duration_s: float) -> float:
    """Time over answers of 32 connections that always have one request on the way."""
    selector = selectors.DefaultSelector()
    connections = [connect(port) for _ in range(CONNECTIONS)]
    for connection in connections:
        selector.register(connection, selectors.EVENT_READ)
        connection.sendall(request)
    count, began = 0, time.perf_counter()
    while (now := time.perf_counter()) < began + duration_s:
        for key, _ in selector.select():
            key.fileobj.recv(65536)  # type: ignore[union-attr]
            key.fileobj.sendall(request)  # type: ignore[union-attr]
            count += 1
    for connection in connections:
        connection.close()
    return (now - began) / count


def _ask(connection: socket.socket, request: bytes) -> None:
    connection.sendall(request)
    answer = connection.recv(65536)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"the server answered {answer[:200]!r}")


def model_call(artefact: Path) -> Callable[[], object]:
    """The estimator's own call for one row, as the server makes it."""
    from legion_ci.serving.artefact import read
    from legion_ci.serving.load import load

    model: Any = load(read(artefact))
    row = model.inputs.of_rows(head(artefact)["data"][:1])
    return lambda: model.estimator.predict_proba(row)


def head(artefact: Path) -> dict[str, Any]:
    """The sample rows."""
    told: dict[str, Any] = json.loads((artefact / "legion_model" / "head_input.json").read_text())
    return told


def wait(port: int) -> None:
    """Until somebody answers 200 there (the constant always does)."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as trial:
                trial.sendall(b"GET /healthcheck HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
                if trial.recv(4096).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        time.sleep(0.05)


def compare(artefact: Path, ours: int, limit: int, both: int, count: int) -> int:
    """Measure and tell the ratios; 1 when a goal is missed."""
    sample = head(artefact)
    request = request_of(json.dumps({"columns": sample["columns"], "data": sample["data"][:1]}).encode())
    call = model_call(artefact)
    one, other, third = connect(ours), connect(limit), connect(both)
    p50_s(one, request, 500), p50_s(other, request, 500), p50_s(third, request, 500)
    p50s, throughputs, sums, places = [], [], [], []
    for _ in range(count):
        predict = statistics.median(pairs.seconds(call) for _ in range(200))
        sums.append((p50_s(other, request, 300), predict))
        p50s.append((p50_s(one, request, 300), sum(sums[-1])))
        places.append((p50s[-1][0], p50_s(third, request, 300)))
        throughputs.append((second_per_request(ours, request, 0.5), second_per_request(limit, request, 0.5)))
    constant_us, predict_us = (round(statistics.median(column) * 1e6) for column in zip(*sums, strict=True))
    ratio = pairs.from_times(p50s)
    print(f"p50: ours {ratio.ours_s * 1e6:.0f} µs, constant {constant_us} µs, predict {predict_us} µs", file=sys.stderr)
    verdict = pairs.tell("serving p50, 1 connection", ratio, P50_LIMIT, constant_us=constant_us, predict_us=predict_us)
    pairs.tell("serving p50, 1 connection, against predict in the constant's server", pairs.from_times(places))
    many = pairs.from_times(throughputs)
    print(
        f"{CONNECTIONS} connections: ours {1 / many.ours_s:.0f}/s, constant {1 / many.theirs_s:.0f}/s", file=sys.stderr
    )
    pairs.tell(f"serving time a request, {CONNECTIONS} connections", many)
    return 1 if verdict == "missed" else 0


def main() -> int:
    """0 when the goal is met or undecided."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20, help="interleaved pairs, at least 20 (default: 20)")
    parser.add_argument("--constant", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--predict", type=Path, metavar="DIR", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.constant:
        serve_constant(told.constant, predicting_target if told.predict else constant_target)
        return 0
    import serving_artefacts
    from serving_process import command, free_port

    with tempfile.TemporaryDirectory() as folder:
        artefact = serving_artefacts.wine(Path(folder) / "artefact")
        ports = free_port(), free_port(), free_port()
        limit = [sys.executable, __file__, "--constant"]
        commands = [command(artefact, ports[0]), [*limit, str(ports[1])],
                    [*limit, str(ports[2]), "--predict", str(artefact)]]  # fmt: skip
        servers = [subprocess.Popen(words, stderr=subprocess.DEVNULL) for words in commands]
        try:
            for port in ports:
                wait(port)
            return compare(artefact, *ports, count=max(20, told.pairs))
        finally:
            for server in servers:
                server.terminate()
                server.wait()


if __name__ == "__main__":
    sys.exit(main())
