"""Requests that fail when a part is killed (kill -9) under load: a worker, the challenger, the champion, Envoy, the supervisor.

Two copies of the wine model's server behind our Envoy, champion 75 %, challenger 25 %, all kept by a site's supervisor. Eight
threads send requests at a planned rate, each on a connection of its own that they open again when it breaks. What counts is
how many answers were not 200, and how long it took from the kill to the last of them.

python bench/gateway_faults.py [--rate 400] [--seconds 8] [--rounds 3]
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

import msgspec  # noqa: E402
import psutil  # noqa: E402
from deploy_gateway import Gateway  # noqa: E402
from deploy_site import ask, eventually, free_port, model_ref, pid_of, running_site, supervisor_pid  # noqa: E402
from serving_peers import artefact  # noqa: E402
from serving_process import command  # noqa: E402

from legion_ci.core.site import Site  # noqa: E402
from legion_ci.gateway import process  # noqa: E402
from legion_ci.gateway.routes import Arm, promote, set_share  # noqa: E402
from legion_ci.supervise import client  # noqa: E402
from legion_ci.supervise.process import Process  # noqa: E402

THREADS = 8
Answered = tuple[float, bool]  # monotonic seconds, good


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Gateway]:
    """Two model servers with traffic behind Envoy."""
    model = artefact("wine", folder / "model")
    with running_site(folder) as site:
        gateway = Gateway(site)
        gateway.start([])
        for name in ("champion", "challenger"):
            port = free_port()
            run = Process(name=name, command=tuple(command(model, port, "--workers", "2")),
                          health=f"http://127.0.0.1:{port}/healthcheck", stop_grace_s=5.0)  # fmt: skip
            client.apply(site, {name: run})
            arm = Arm(deployment=name, model=model_ref(), endpoint=f"127.0.0.1:{port}")
            gateway.change(lambda r, arm=arm: msgspec.structs.replace(r, arms=(*r.arms, arm)))
        gateway.change(lambda r: promote(r, "champion"))
        gateway.change(lambda r: set_share(r, "challenger", 2500))
        yield gateway


def loaded(port: int, rate: float, seconds: float, fault: Callable[[], None]) -> tuple[list[Answered], float]:
    """Answers of a load at that rate, and when the fault happened, a quarter of the way in."""
    answers: list[Answered] = []
    began = time.monotonic()
    threads = [
        threading.Thread(target=_send, args=(port, i, rate / THREADS, began, seconds, answers)) for i in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 4)
    when = time.monotonic()
    fault()
    for thread in threads:
        thread.join()
    return answers, when


def _send(port: int, number: int, rate: float, began: float, seconds: float, answers: list[Answered]) -> None:
    body = _body()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for i in range(int(rate * seconds)):
        time.sleep(max(0.0, began + (i + number / THREADS) / rate - time.monotonic()))
        good = False
        try:
            connection.request("POST", "/api/model/invoke", body, _headers(f"u{number}-{i}"))
            answer = connection.getresponse()
            answer.read()
            good = answer.status == 200
        except (OSError, http.client.HTTPException):
            connection.close()
        answers.append((time.monotonic(), good))
    connection.close()


def _headers(unit: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "x-legion-unit": unit}


def _body() -> bytes:
    from sklearn.datasets import load_wine

    data = load_wine()
    return json.dumps({"columns": list(data.feature_names), "data": [data.data[0].tolist()]}).encode()


def kill(pid: int) -> None:
    """End it, with no chance to say good-bye."""
    os.kill(pid, signal.SIGKILL)


def faults(site: Site) -> dict[str, Callable[[], None]]:
    """What is killed."""
    return {
        "nothing": lambda: None,
        "a worker of the champion": lambda: kill(psutil.Process(pid_of(site, "champion")).children()[0].pid),
        "the challenger": lambda: kill(pid_of(site, "challenger")),
        "the champion": lambda: kill(pid_of(site, "champion")),
        "the gateway": lambda: kill(pid_of(site, process.NAME)),
        "the supervisor": lambda: kill(supervisor_pid(site)),
    }


def whole(gateway: Gateway) -> None:
    """Wait until everything answers again, with its supervisor."""
    client.apply(gateway.site, {})  # a supervisor that is gone comes back with the next command
    ports = [gateway.port, *(int(a.endpoint.rpartition(":")[2]) for a in _arms(gateway))]
    eventually(lambda: all(ask(f"http://127.0.0.1:{p}/healthcheck").status == 200 for p in ports), 60)


def _arms(gateway: Gateway) -> tuple[Arm, ...]:
    from legion_ci.gateway import routes

    return routes.read(gateway.site).arms


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=400)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(f"{'killed':26} {'requests':>9} {'failed':>18} {'last failure after, s':>24}")
    with tempfile.TemporaryDirectory() as scratch, running(Path(scratch)) as gateway:
        for name, fault in faults(gateway.site).items():
            sent, failed, last = 0, [], []
            for _ in range(asked.rounds):
                whole(gateway)
                answers, when = loaded(gateway.port, asked.rate, asked.seconds, fault)
                bad = [at for at, good in answers if not good]
                sent, failed = sent + len(answers), [*failed, len(bad)]
                last += [max(bad) - when] if bad else []
            after = f"{statistics.median(last):.2f}" if last else "-"
            print(f"{name:26} {sent:>9} {failed!s:>18} {after:>24}", flush=True)


if __name__ == "__main__":
    main()
