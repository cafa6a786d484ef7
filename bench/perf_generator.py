"""What the generator itself can do: requests a second per core, growth with processes, its own microseconds, its memory.

Run: python bench/perf_generator.py [capacity|micro|processes|hour] [--seconds N] [--share 0.01]. Capacity: the same null
server is loaded by our ModelUser, stock FastHttpUser, wrk and hey (when they are there); each generator's requests are
divided by the processor seconds that it used, interleaved, as ratios with the interval of the log-ratio. Micro: a
server of 150 µs, our p50 beside wrk's. Hour: 1,000/s, the generator's resident memory at a tenth and at the end.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import psutil
from perf_runs import perf

from legion_ci.perf import null_server

STOCK = """
from locust import FastHttpUser, constant, task

class Stock(FastHttpUser):
    wait_time = constant(0)

    @task
    def predict(self):
        self.client.post("/api/model/invoke", data=b'{"columns":["a","b"],"data":[[1.5,"x"]]}')
"""
SERVER = """
import asyncio, sys, time
sys.path.insert(0, sys.argv[1])
from legion_ci.perf.null_server import Null
BODY = b'{"prediction":[[1.0]],"columns":["prediction"]}'
ANSWER = b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n%b" % (len(BODY), BODY)

class Slow(Null):
    def connection_made(self, transport):
        super().connection_made(transport)
        write = transport.write
        def later(data):
            until = time.perf_counter() + DELAY
            while time.perf_counter() < until:
                pass
            write(ANSWER)
        self._transport = type("T", (), {"write": staticmethod(later)})()

DELAY = float(sys.argv[2])

async def main():
    server = await asyncio.get_running_loop().create_server(Slow, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
asyncio.run(main())
"""
LUA = 'wrk.method = "POST"\nwrk.body = \'{"columns":["a","b"],"data":[[1.5,"x"]]}\'\nwrk.path = "/api/model/invoke"\n'


@contextmanager
def server(delay_s: float) -> Iterator[str]:
    """A server that is busy for ``delay_s`` per request and answers with a prediction."""
    command = [sys.executable, "-c", SERVER, str(Path(null_server.__file__).parents[2]), str(delay_s)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin
    assert child.stdout
    try:
        yield f"http://127.0.0.1:{child.stdout.readline().decode().strip()}"
    finally:
        child.stdin.close()
        child.wait(5)


def children_cpu_s() -> float:
    """Processor seconds of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ours(url: str, seconds: float, rate: float, locustfile: str = "", **more: object) -> dict[str, float]:
    """Requests a second of generator processor time, from Locust's own account of its busy seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if locustfile:
            (folder / "locustfile.py").write_text(locustfile)
        said = perf(
            folder, url, io.StringIO(), rate=rate, duration=seconds, warmup=1.0, budgets=("errors < 5%",), **more
        )
        cpu = float(said.environment["generator_cpu"])
    return {
        "per_core": said.achieved_rate / max(cpu, 1e-3), "rate": said.achieved_rate, "cpu": cpu,
        "p50_us": 1000 * said.percentiles_ms["p50"], "own_p50_us": 1000 * said.generator_ms.get("p50", math.nan),
        "late": int(said.environment["late"]), "reason": said.reason,  # type: ignore[dict-item]
    }  # fmt: skip


def wrk(url: str, seconds: float, connections: int) -> dict[str, float]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA)
        script.flush()
        before = children_cpu_s()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--latency", "-s", script.name, url]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        cpu_s = children_cpu_s() - before
    requests = int(re.search(r"(\d+) requests in", told)[1])  # type: ignore[index]
    number, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", told).groups()  # type: ignore[union-attr]
    return {"per_core": requests / cpu_s, "p50_us": float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]}


def hey(url: str, seconds: float) -> dict[str, float]:
    before = children_cpu_s()
    body = '{"columns":["a","b"],"data":[[1.5,"x"]]}'
    command = ["hey", "-z", f"{seconds:.0f}s", "-c", "50", "-m", "POST", "-d", body, f"{url}/api/model/invoke"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])  # type: ignore[index]
    return {"per_core": rate * seconds / (children_cpu_s() - before)}


def interval(ratios: list[float]) -> list[float]:
    """Geometric mean and 95 % interval (t with n − 1 degrees, from scipy)."""
    from scipy import special

    logs = [math.log(r) for r in ratios]
    mean = statistics.fmean(logs)
    half = (
        float(special.stdtrit(len(logs) - 1, 0.975)) * statistics.stdev(logs) / math.sqrt(len(logs))
        if len(logs) > 1
        else 0
    )
    return [round(math.exp(x), 3) for x in (mean, mean - half, mean + half)]


def capacity(seconds: float, pairs: int) -> dict[str, object]:
    """Both sides below saturation, so that what is measured is cost per request, not a queue."""
    seen: dict[str, list[float]] = {"ours": [], "stock": [], "wrk": [], "hey": []}
    with server(0.0) as url:
        sides = {
            "ours": lambda: ours(url, seconds, 800, users=10),
            "stock": lambda: ours(url, seconds, 800, STOCK.replace("constant(0)", "constant(0.01)"), users=10),
            "wrk": (lambda: wrk(url, seconds, 10)) if shutil.which("wrk") else None,
            "hey": (lambda: hey(url, seconds)) if shutil.which("hey") else None,
        }
        for pair in range(pairs):
            for name in list(sides)[:: 1 if pair % 2 == 0 else -1]:
                if (side := sides[name]) is not None:
                    seen[name].append(side()["per_core"])
    ratios = [a / b for a, b in zip(seen["ours"], seen["stock"], strict=True)]
    told = {n: round(statistics.median(v)) if v else "not installed" for n, v in seen.items()}
    return {"requests_per_core_second": told, "ours_over_stock": interval(ratios), "pairs": pairs}


def micro(seconds: float) -> dict[str, object]:
    """p50 of a server that is busy for 150 µs: ours (one user at 200/s) beside wrk's with one connection."""
    with server(150e-6) as url:
        mine, theirs = ours(url, seconds, 200, users=5), wrk(url, seconds, 1)
    difference = mine["p50_us"] - theirs["p50_us"]
    return {"ours_us": mine["p50_us"], "own_us": mine["own_p50_us"], "wrk_us": theirs["p50_us"],
            "difference_us": difference, "within_200_us": difference <= 200}  # fmt: skip


def processes(seconds: float) -> dict[str, object]:
    """The rate at which one process and two keep their plan: what it used, and whether it was late."""
    found = {}
    with server(0.0) as url:
        for count in (1, 2):
            for rate in (500, 1000, 1500, 2000, 3000):
                told = ours(url, seconds, rate, processes=count)
                found[f"{count} × {rate}/s"] = {k: told[k] for k in ("rate", "cpu", "late", "reason")}
    return found


def hour(share: float) -> dict[str, object]:
    """Resident memory of the generator and of the parent over a load of 3,600 s times ``share`` at 1,000/s."""
    sizes: list[tuple[float, int, int]] = []
    done, begun = threading.Event(), time.monotonic()

    def look() -> None:
        me = psutil.Process()
        while not done.wait(1.0):
            theirs = 0
            for child in me.children(recursive=True):
                try:
                    theirs += child.memory_info().rss if "locust" in " ".join(child.cmdline()) else 0
                except psutil.Error:
                    continue
            sizes.append((time.monotonic() - begun, theirs, me.memory_info().rss))

    watcher = threading.Thread(target=look)
    with server(0.0) as url:
        watcher.start()
        try:
            told = ours(url, 3600 * share, 1000, processes=1)
        finally:
            done.set()
            watcher.join()
    loaded = [s for s in sizes if s[1] > 0]
    early, late = loaded[len(loaded) // 4], loaded[-3]
    return {"seconds": 3600 * share, "generator_mb": [round(early[1] / 1e6, 1), round(late[1] / 1e6, 1)],
            "parent_mb": [round(early[2] / 1e6, 1), round(late[2] / 1e6, 1)], "rate": told["rate"]}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="?", default="all")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--share", type=float, default=0.01)
    told = parser.parse_args()
    parts = {
        "capacity": lambda: capacity(told.seconds, told.pairs), "micro": lambda: micro(told.seconds),
        "processes": lambda: processes(told.seconds), "hour": lambda: hour(told.share),
    }  # fmt: skip
    wanted = parts if told.what == "all" else {told.what: parts[told.what]}
    print(json.dumps({name: part() for name, part in wanted.items()}, indent=2))


if __name__ == "__main__":
    main()
