"""Measures the generator's own share: in the same run and process, requests to a server that does nothing."""

from __future__ import annotations

import time

import gevent
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook

from legion_ci.perf.load import Load
from legion_ci.perf.plan import Plan
from legion_ci.perf.recorder import Recorder

PATH = "/"
_EVERY_S = 0.05
_SHARE = 0.1  # of the load's rate at most: probes must not become the load


def probe(url: str, plan: Plan, load: Load, recorder: Recorder) -> None:
    """Until the plan's end ask the null server with Locust's client and count how long that takes, warm-up left out.

    The probes' events are their own, so that Locust and the log do not take them for requests of the load.
    """
    client = FastHttpSession(url, EventHook(), None, connection_timeout=5.0, network_timeout=5.0)
    body = next(iter(load.requests)).body.encode() if plan.requests else b"{}"
    every_s = max(_EVERY_S, 1 / (_SHARE * plan.rate) if plan.rate > 0 else _EVERY_S)
    client.post(PATH, data=body)  # connects
    while load.now_s() < plan.duration_s and not recorder.status.finished:
        gevent.sleep(every_s)
        begun = time.perf_counter()
        answer = client.post(PATH, data=body)
        if answer.status_code == 200 and load.now_s() > plan.warmup_s:
            recorder.null(time.perf_counter() - begun)
