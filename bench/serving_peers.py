"""The model server against ``mlflow models serve``, MLServer and BentoML, in one run on one machine.

The wine model and a forest of 100 trees; 1, 32 and 256 connections; one server process each; the load is wrk's (Debian's
package ``wrk``), one thread. Peers get environments of their own below ``.bench/peers``, made on the first run
(``--only-install`` stops there); one that cannot be installed is left out by name. All servers are up at once and are loaded
in turn, round after round, so that a ratio compares neighbours in time. Ours answers classes and probabilities, the
others classes. ``forest (onnx)`` is our accelerated form.

python bench/serving_peers.py [--rounds 3] [--seconds 3]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

CONNECTIONS = (1, 32, 256)
PACKAGES = {
    "mlflow": ["mlflow==3.17.2", "scikit-learn==1.7.2", "uvicorn", "fastapi"],
    "mlserver": ["mlserver==1.7.1", "mlserver-sklearn==1.7.1"],
    "bentoml": ["bentoml==1.4.39", "scikit-learn"],
}
GOALS = {"mlflow": (40, 1 / 8), "mlserver": (8, 1.0), "bentoml": (10, math.inf)}  # throughput at 32; p50 at 1
Row = list[float]


@dataclass(frozen=True)
class Server:
    """A running server. body: one row as it takes it."""

    name: str
    url: str
    body: bytes


def environment(name: str) -> Path | None:
    """Python of a peer's environment; None when it cannot be installed."""
    folder = ROOT / ".bench" / "peers" / name
    python, uv = folder / "bin" / "python", [sys.executable, "-m", "uv"]
    if (folder / "complete").is_file():
        return python
    made = subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=False)
    done = subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(python), *PACKAGES[name]], check=False)
    if made.returncode or done.returncode:
        print(f"{name}: cannot be installed here, left out", file=sys.stderr)
        return None
    (folder / "complete").touch()
    return python


def start(command: list[str], log: Path, env: dict[str, str], cwd: Path) -> subprocess.Popen[bytes]:
    """A server process in a group of its own, as some start others."""
    with log.open("wb") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **env}, cwd=cwd,
                                start_new_session=True)  # fmt: skip


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and the group that it leads."""
    for sign in (15, 9):
        try:
            os.killpg(process.pid, sign)
            process.wait(20)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def await_answer(server: Server, process: subprocess.Popen[bytes], log: Path, timeout_s: float = 180) -> None:
    """Until it predicts; SystemExit with its log when it does not."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until and process.poll() is None:
        request = urllib.request.Request(server.url, server.body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return print(f"{server.name}: {answer.read()[:120]!r}", file=sys.stderr)
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.2)
    raise SystemExit(f"{server.name} does not predict:\n{log.read_text()[-3000:]}")


def commands(model: str, work: Path, row: Row) -> Iterator[tuple[Server, list[str], dict[str, str], Path]]:
    """Every server that can be had: what it is, its command, environment variables and folder."""
    from serving_process import free_port

    yield from ours(model, work, row)
    peers = (("mlflow", mlflow), ("mlflow", mlflow_bare), ("mlserver", mlserver), ("bentoml", bentoml))
    for name, make in peers:
        if python := environment(name):
            yield make(model, python, work / f"{make.__name__}-{model}", free_port(), row)


def ours(model: str, work: Path, row: Row) -> Iterator[tuple[Server, list[str], dict[str, str], Path]]:
    """Our server; for the forest also its accelerated form."""
    from serving_process import command, free_port
    from sklearn.datasets import load_wine

    body = json.dumps({"columns": list(load_wine().feature_names), "data": [row]}).encode()
    folder = artefact(model, work / "ours")
    port = free_port()
    yield Server("legion", f"http://127.0.0.1:{port}/api/model/invoke", body), command(folder, port), {}, work
    if model == "forest":
        fast = artefact(model, work / "fast")
        subprocess.run([sys.executable, "-W", "ignore", "-m", "legion_ci.serving.accelerated", "--model", str(fast),
                        "--output", str(fast.parent), "--tolerance", "1e-5"], check=True)  # fmt: skip
        port = free_port()
        url = f"http://127.0.0.1:{port}/api/model/invoke"
        yield Server("legion (onnx)", url, body), command(fast, port), {}, work


def artefact(model: str, folder: Path) -> Path:
    """The same model as an artefact of ours."""
    import serving_artefacts
    from sklearn.datasets import load_wine

    sys.path.insert(0, str(HERE / "peers"))
    from fit import MODELS

    data = load_wine()
    estimator = MODELS[model]().fit(data.data, data.target)
    return serving_artefacts.write(folder / "artefact", estimator, serving_artefacts.wine_rows(5), name=model)


def fit(model: str, kind: str, python: Path, path: Path) -> Path:
    """The model, fitted and written in a peer's environment."""
    path.parent.mkdir(parents=True)
    subprocess.run([str(python), "-W", "ignore", str(HERE / "peers" / "fit.py"), model, kind, str(path)], check=True,
                   stderr=subprocess.DEVNULL)  # fmt: skip
    return path


def mlflow(model: str, python: Path, work: Path, port: int, row: Row) -> Any:
    """``mlflow models serve`` with its defaults and one worker; the model has a signature, as mlflow asks for."""
    from sklearn.datasets import load_wine

    body = {"dataframe_split": {"columns": list(load_wine().feature_names), "data": [row]}}
    return mlflow_server("mlflow", body, fit(model, "mlflow", python, work / "model"), python, port)


def mlflow_bare(model: str, python: Path, work: Path, port: int, row: Row) -> Any:
    """The same without a signature, so that it validates nothing and makes no DataFrame."""
    path = fit(model, "mlflow-bare", python, work / "model")
    return mlflow_server("mlflow (bare)", {"inputs": [row]}, path, python, port)


def mlflow_server(name: str, body: dict[str, Any], path: Path, python: Path, port: int) -> Any:
    """The command of both."""
    command = [str(python), "-m", "mlflow", "models", "serve", "-m", str(path), "-p", str(port), "-h", "127.0.0.1",
               "--env-manager", "local", "--workers", "1"]  # fmt: skip
    env = {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": f"{python.parent}:{os.environ['PATH']}"}
    return Server(name, f"http://127.0.0.1:{port}/invocations", json.dumps(body).encode()), command, env, path.parent


def mlserver(model: str, python: Path, work: Path, port: int, row: Row) -> Any:
    """MLServer with its scikit-learn runtime in the same process."""
    fit(model, "joblib", python, work / "model.joblib")
    (work / "settings.json").write_text(
        json.dumps({"http_port": port, "host": "127.0.0.1", "grpc_port": port + 1, "metrics_port": port + 2,
                    "parallel_workers": 0, "debug": False})
    )  # fmt: skip
    about = {"name": model, "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": "./model.joblib"}}
    (work / "model-settings.json").write_text(json.dumps(about))
    tensor = {"name": "predict", "shape": [1, len(row)], "datatype": "FP64", "data": row}
    url = f"http://127.0.0.1:{port}/v2/models/{model}/infer"
    return Server("mlserver", url, json.dumps({"inputs": [tensor]}).encode()), [
        str(python.parent / "mlserver"), "start", "."], {}, work  # fmt: skip


def bentoml(model: str, python: Path, work: Path, port: int, row: Row) -> Any:
    """BentoML with a batchable method and one worker."""
    path = fit(model, "joblib", python, work / "model.joblib")
    env = {"BENCH_MODEL": str(path), "BENTOML_DO_NOT_TRACK": "true", "BENTOML_HOME": str(work / "home")}
    server = Server("bentoml", f"http://127.0.0.1:{port}/predict", json.dumps({"rows": [row]}).encode())
    command = [str(python), "-m", "bentoml", "serve", "bento_service:Model", "--host", "127.0.0.1", "--port", str(port),
               "--working-dir", str(HERE / "peers")]  # fmt: skip
    return server, command, env, work


def load(server: Server, connections: int, seconds: int, units: int = 0) -> dict[str, Any]:
    """One run of wrk. units: users that ask, each named in ``x-legion-unit``; 0: nobody is named."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s",
               str(HERE / "peers" / "post.lua"), server.url]  # fmt: skip
    done = subprocess.run(command, env={**os.environ, "BODY": server.body.decode(), "UNITS": str(units)}, capture_output=True, text=True,
                          check=True)  # fmt: skip
    told: dict[str, Any] = json.loads(
        next(x for x in done.stdout.splitlines() if x.startswith("JSON ")).removeprefix("JSON ")
    )
    good = told["requests"] - told["bad_status"]
    return {**told, "rate": max(good, 1e-9) / told["seconds"], "errors": told["bad_status"] + told["broken"]}


@contextmanager
def running(model: str) -> Iterator[list[Server]]:
    """All servers of a model, up and warm."""
    from sklearn.datasets import load_wine

    row = load_wine().data[0].tolist()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        found = []
        for server, command, env, cwd in commands(model, Path(folder), row):
            log = Path(folder) / f"{server.name}.log"
            process = start(command, log, env, cwd)
            stack.callback(stop, process)
            await_answer(server, process, log)
            load(server, 8, 1)
            found.append(server)
        yield found


def bench(model: str, rounds: int, seconds: int) -> None:
    """Load all servers in turn and print a line for each, then the ratios."""
    with running(model) as servers:
        runs: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for turn in range(rounds):
            for connections in CONNECTIONS:
                for server in servers if turn % 2 else reversed(servers):
                    runs.setdefault((server.name, connections), []).append(load(server, connections, seconds))
    for (name, connections), found in sorted(runs.items(), key=lambda x: (x[0][1], x[0][0])):
        told = {key: statistics.median(r[key] for r in found) for key in ("rate", "p50_us", "p99_us")}
        told["errors"] = sum(r["errors"] for r in found)
        print(json.dumps({"model": model, "server": name, "connections": connections, **told}))
    us = [s.name for s in servers if s.name.startswith("legion")]
    for peer in (s.name for s in servers if not s.name.startswith("legion")):
        for name in us:
            compare(model, name, peer, runs)


def compare(model: str, name: str, peer: str, runs: dict[tuple[str, int], list[dict[str, Any]]]) -> None:
    """Throughput at each number of connections and p50 at one, over the peer's, of neighbouring runs."""

    def ratio(connections: int, key: str) -> float:
        pairs = zip(runs[name, connections], runs[peer, connections], strict=True)
        return math.exp(statistics.fmean(math.log(a[key] / b[key]) for a, b in pairs))

    faster, sooner = GOALS[peer.removesuffix(" (bare)")]
    throughput = {c: round(ratio(c, "rate"), 1) for c in CONNECTIONS}
    p50 = ratio(1, "p50_us")
    verdicts = ["met" if throughput[32] >= faster else "missed", "met" if p50 <= sooner else "missed"]
    print(json.dumps({"model": model, "ours": name, "peer": peer, "throughput": throughput, "p50": round(p50, 3),
                      "goals": {"throughput at 32": verdicts[0], "p50 at 1": verdicts[1]}}))  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--only-install", action="store_true")
    told = parser.parse_args()
    if told.only_install:
        return 0 if all(environment(name) for name in PACKAGES) else 1
    for model in ("wine", "forest"):
        bench(model, told.rounds, told.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
