"""Start to ready, memory, and p50 of the first server, as 1, 10 and 100 models are deployed on one machine.

Each model is a server of its own (a process that watches and one that predicts), as deployments are. Memory is the sum of
the proportional set sizes, so shared pages count once; ``resident`` counts them for each process. ``--form onnx`` serves
the accelerated form. It stops before less than 3 GiB are free and says so.

python bench/serving_growth.py [--form plain|onnx] [--counts 1 10 100]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

SPARE_KIB = 3 << 20


def kib(path: Path, name: str) -> int:
    """A field of a file below /proc."""
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(name + ":"))


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(p for child in children for p in family(int(child)))]


def memory_mib(servers: list[subprocess.Popen[bytes]]) -> dict[str, float]:
    """Proportional and resident set size of all their processes."""
    files = [Path(f"/proc/{pid}/smaps_rollup") for server in servers for pid in family(server.pid)]
    return {key: round(sum(kib(f, name) for f in files) / 1024, 1) for key, name in (("proportional", "Pss"), ("resident", "Rss"))}  # fmt: skip


def start(artefact: Path) -> tuple[subprocess.Popen[bytes], int, float]:
    """A server that is ready, its port, and how long it took."""
    import serving_limit
    from serving_process import command, free_port

    port, began = free_port(), time.perf_counter()
    server = subprocess.Popen(command(artefact, port), stderr=subprocess.DEVNULL)
    serving_limit.wait(port)
    return server, port, time.perf_counter() - began


def p50_us(artefact: Path, port: int) -> int:
    """Of one request after the other to one server."""
    import serving_limit as limit

    sample = limit.head(artefact)
    request = limit.request_of(json.dumps({"columns": sample["columns"], "data": sample["data"][:1]}).encode())
    connection = limit.connect(port)
    limit.p50_s(connection, request, 300)
    return round(limit.p50_s(connection, request, 1000) * 1e6)


def stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    server.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--form", choices=("plain", "onnx"), default="plain")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 10, 100])
    told = parser.parse_args()
    import serving_artefacts

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        artefact = serving_artefacts.wine(Path(folder) / "artefact")
        if told.form == "onnx":
            subprocess.run([sys.executable, "-W", "ignore", "-m", "legion_ci.serving.accelerated", "--model", str(artefact),
                            "--output", folder, "--tolerance", "1e-5"], check=True)  # fmt: skip
        servers, seconds, ports = [], [], []
        for count in range(1, max(told.counts) + 1):
            if kib(Path("/proc/meminfo"), "MemAvailable") < SPARE_KIB:
                print(f"only {count - 1} fit into this machine's memory", file=sys.stderr)
                return 0
            server, port, took = start(artefact)
            stack.callback(stop, server)
            servers.append(server), seconds.append(took), ports.append(port)
            if count in told.counts:
                print(json.dumps({"form": told.form, "models": count, "last_start_s": round(statistics.median(seconds[-5:]), 2),
                                  "memory_mib": memory_mib(servers), "p50_us_of_the_first": p50_us(artefact, ports[0])}),
                      flush=True)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
