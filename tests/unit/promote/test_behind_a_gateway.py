"""Promotion with nothing replaced: a real Envoy, capturing servers, the collector, live traffic, the wall clock."""

from __future__ import annotations

import contextlib
import http.client
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from deploy_gateway import QUIET
from deploy_site import free_port, running_site
from promote_site import deploy_result, model

from legion_ci.core.site import Site
from legion_ci.gateway import apply, process, routes
from legion_ci.gateway import settings as gateway_settings
from legion_ci.gateway.routes import Arm, add_arm, promote
from legion_ci.gateway.settings import GatewaySettings
from legion_ci.promote import stage
from legion_ci.promote.rollback import rollback
from legion_ci.results import PromoteResult, Verdict
from legion_ci.settings.schema import PromoteSettings
from legion_ci.supervise import client
from legion_ci.supervise.process import Process

SERVER = Path(__file__).parents[2] / "support" / "promote_server.py"
SETTINGS = PromoteSettings(
    outcome="label", metric="accuracy", margin=0.1, steps=("shadow", 25, 100), window=1.0, in_build=120.0,
    look_every=0.5, guardrails=("errors not worse by 2%",),
)  # fmt: skip


@contextlib.contextmanager
def live_site(folder: Path, right: dict[str, float]) -> Iterator[tuple[Site, int]]:
    """Two models behind Envoy with a collector, and users that ask and tell without end."""
    with running_site(folder) as site:
        port, collector = free_port(), free_port()
        gateway_settings.write(site, GatewaySettings(port=port))
        apply.write(site)
        wanted = {process.NAME: process.process(site), "collector": _collector(site, collector)}
        arms = []
        for version, (name, accuracy) in enumerate(right.items(), 1):
            arms.append(Arm(deployment=name, model=model(str(version)), endpoint=f"127.0.0.1:{free_port()}"))
            wanted[name] = _server(site, arms[-1], str(version), accuracy)
        client.apply(site, wanted)
        for arm in arms:
            apply.change(site, lambda r, arm=arm: add_arm(r, arm), tools=QUIET)
        apply.change(
            site, lambda r: msgspec.structs.replace(promote(r, "old"), feedback=f"127.0.0.1:{collector}"), tools=QUIET
        )
        with _users(port):
            yield site, port


def _collector(site: Site, port: int) -> Process:
    command = (sys.executable, "-m", "legion_ci.feedback.collector", "--store", str(site.feedback), "--port", str(port))
    return Process(name="collector", command=command, health=f"http://127.0.0.1:{port}/healthcheck")


def _server(site: Site, arm: Arm, version: str, right: float) -> Process:
    port = arm.endpoint.rpartition(":")[2]
    command = (sys.executable, str(SERVER), "--port", port, "--deployment", arm.deployment, "--version", version,
               "--right", str(right), "--store", str(site.feedback))  # fmt: skip
    return Process(name=arm.deployment, command=command, health=f"http://127.0.0.1:{port}/healthcheck")


@contextlib.contextmanager
def _users(port: int) -> Iterator[None]:
    ended = threading.Event()
    failures: list[str] = []
    users = [threading.Thread(target=_user, args=(port, n, ended, failures)) for n in range(3)]
    for user in users:
        user.start()
    try:
        yield
    finally:
        ended.set()
        for user in users:
            user.join()
        assert failures == []


def _user(port: int, number: int, ended: threading.Event, failures: list[str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    count = 0
    while not ended.wait(0.003):
        count += 1
        truth = count % 2 == 0
        for path, body, more in (
            ("/api/model/invoke", {"truth": truth}, {"x-legion-unit": f"u{number}-{count}"}),
            ("/api/v1/feedback", {"label": truth}, {"model-name": "wine", "model-version": "1"}),
        ):
            connection.request("POST", path, json.dumps(body), {"request-id": f"{number}-{count}", **more})
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                failures.append(f"{path} {response.status}")
    connection.close()


def _promote(site: Site, folder: Path) -> PromoteResult:
    return stage.run(
        SETTINGS, quality=None, perf=None, deployed=deploy_result(), site=site, work=folder, first=False, tools=QUIET
    )


@pytest.mark.slow
def test_a_good_challenger_goes_live_on_real_traffic_and_comes_back_by_rollback(tmp_path: Path) -> None:
    with live_site(tmp_path, {"old": 0.9, "new": 0.9}) as (site, _):
        result = _promote(site, tmp_path)
        assert (result.verdict, result.action) == (Verdict.PASS, "promoted"), result.summary
        assert {look["step"] for look in result.looks} == {"shadow", "25"}
        assert result.coverage == {"champion": 1.0, "challenger": 1.0}
        assert routes.read(site).champion == "new"
        assert rollback(site, QUIET).champion == "old"
        assert _promote(site, tmp_path).reason == "rolled_back"


@pytest.mark.slow
def test_a_bad_challenger_is_found_in_shadow_and_no_user_ever_meets_it(tmp_path: Path) -> None:
    with live_site(tmp_path, {"old": 0.9, "new": 0.6}) as (site, _):
        result = _promote(site, tmp_path)
        assert (result.verdict, result.action, result.step) == (Verdict.FAIL, "rollback", "shadow"), result.summary
        assert {look["share"] for look in result.looks} == {0.0}
        assert routes.read(site).share("old") == 1.0
