"""What the gateway adds to a request: direct calls against Envoy as we set it up, nginx and HAProxy with the same split.

Two copies of the wine model's server, 90 % and 10 % of the units, the arm by a hash of the header ``x-legion-unit`` in all three.
wrk asks each in turn, round after round; a round's difference to its own direct call is what counts. Ours also writes an
access log, numbers requests, strips headers and limits connections; nginx writes its default access log, HAProxy none.
Needs Debian's ``wrk``, ``nginx-light`` and ``haproxy``; what is not installed is left out by name.

python bench/gateway_added.py [--rounds 7] [--seconds 3]
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

import msgspec  # noqa: E402
from deploy_gateway import Gateway  # noqa: E402
from deploy_site import running_site  # noqa: E402
from serving_peers import Server, artefact, load  # noqa: E402
from serving_process import free_port, serving  # noqa: E402

from legion_ci.gateway.routes import Arm, promote, set_share  # noqa: E402

NGINX = """daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes auto;
events {{ worker_connections 1024; }}
http {{
  access_log {folder}/access.log; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream champion {{ server 127.0.0.1:{champion}; keepalive 64; }}
  upstream challenger {{ server 127.0.0.1:{challenger}; keepalive 64; }}
  split_clients "$http_x_legion_unit" $arm {{ 10% challenger; * champion; }}
  server {{ listen 127.0.0.1:{port}; keepalive_requests 1000000;
    location / {{ proxy_pass http://$arm; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
}}
"""
HAPROXY = """defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend users
  bind 127.0.0.1:{port}
  default_backend models
backend models
  balance hdr(x-legion-unit)
  http-reuse always
  server champion 127.0.0.1:{champion} weight 90
  server challenger 127.0.0.1:{challenger} weight 10
"""


@contextmanager
def behind(kind: str, text: str, folder: Path, ports: dict[str, int]) -> Iterator[int | None]:
    """A proxy while the block runs; its port, None when it is not installed."""
    program = shutil.which(kind) or shutil.which(kind, path="/usr/sbin")
    if program is None:
        print(f"{kind}: not installed, left out", file=sys.stderr)
        yield None
        return
    port, path = free_port(), folder / f"{kind}.conf"
    path.write_text(text.format(folder=folder, port=port, **ports))
    command = [program, "-c", str(path), "-p", str(folder)] if kind == "nginx" else [program, "-db", "-f", str(path)]
    with (folder / f"{kind}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def ours(folder: Path, ports: dict[str, int]) -> Iterator[int]:
    """Our gateway with the two servers as arms; its port."""
    with running_site(folder) as site:
        gateway = Gateway(site)
        gateway.start([])
        for name, port in ports.items():
            arm = Arm(deployment=name, model=_model(), endpoint=f"127.0.0.1:{port}")
            gateway.change(lambda r, arm=arm: msgspec.structs.replace(r, arms=(*r.arms, arm)))
        gateway.change(lambda r: promote(r, "champion"))
        gateway.change(lambda r: set_share(r, "challenger", 1000))
        yield gateway.port


def _model():
    from deploy_site import model_ref

    return model_ref()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        model = artefact("wine", folder / "model")
        servers = {n: stack.enter_context(serving(model, folder / f"{n}.log")) for n in ("champion", "challenger")}
        ports = {name: server.port for name, server in servers.items()}
        found = {"direct": ports["champion"], "legion (envoy)": stack.enter_context(ours(folder / "site", ports))}
        for kind, text in (("nginx", NGINX), ("haproxy", HAPROXY)):
            if port := stack.enter_context(behind(kind, text, folder, ports)):
                found[kind] = port
        time.sleep(1)
        print(json.dumps(measured(found, asked.rounds, asked.seconds), indent=2))


def measured(ports: dict[str, int], rounds: int, seconds: int) -> dict:
    """Medians over rounds: microseconds added to the direct call of the same round, and throughput over it."""
    from sklearn.datasets import load_wine

    data = load_wine()
    body = json.dumps({"columns": list(data.feature_names), "data": [data.data[0].tolist()]}).encode()
    table: dict = {}
    for connections in (1, 32):
        taken = []
        for _ in range(rounds):
            taken.append({n: load(Server(n, f"http://127.0.0.1:{p}/api/model/invoke", body), connections, seconds, 10_000)
                          for n, p in ports.items()})  # fmt: skip
            print(connections, {n: (t["p50_us"], t["p99_us"], round(t["rate"]), t["errors"]) for n, t in taken[-1].items()},
                  file=sys.stderr)  # fmt: skip
        table[f"{connections} connections"] = {n: added(n, taken) for n in ports}
    return table


def added(name: str, taken: list[dict]) -> dict:
    """What a way adds: medians and quartiles of the rounds."""
    found = {f"{p}_added_us": [t[name][f"{p}_us"] - t["direct"][f"{p}_us"] for t in taken] for p in ("p50", "p99")}
    ratio = [t[name]["rate"] / t["direct"]["rate"] for t in taken]
    told = {k: [round(q) for q in statistics.quantiles(v, n=4)] for k, v in found.items()}
    return {**told, "throughput": round(math.exp(statistics.fmean(map(math.log, ratio))), 3),
            "errors": sum(t[name]["errors"] for t in taken)}  # fmt: skip


if __name__ == "__main__":
    main()
