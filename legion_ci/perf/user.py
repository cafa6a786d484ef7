"""Locust users whose requests start when they are due: change one import and a locustfile's figures become honest.

Write ``from legion_ci.perf.user import ModelUser as HttpUser`` and the tasks stay as they are. Arrivals come at the
planned rate (``perf.rate``), whatever the server does; each is done by a user that is free, and its latency counts from
the moment at which it was meant to start, so that a stall shows in full (after wrk2, Tene 2013).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from locust import FastHttpUser, task
from locust.env import Environment
from locust.exception import StopUser

from legion_ci.perf.arrivals import Phase, Schedule, starts
from legion_ci.perf.load import Arrival, Load
from legion_ci.perf.plan import Plan

PLAN = "LEGION_PERF_PLAN"  # environment variable that names the plan's file
ARRIVAL, SENT = "legion_arrival", "legion_sent_s"  # in the context of Locust's request event


class ModelUser(FastHttpUser):  # type: ignore[misc]
    """A user of an open population. ``client`` is Locust's FastHttpSession; ``wait_time`` of subclasses is not used.

    rate (of all users together, 1/s) and arrivals (poisson or constant) are for use with plain ``locust``; under
    ``legion-ci perf`` the settings decide.
    """

    abstract = True
    rate: ClassVar[float] = 10.0
    arrivals: ClassVar[str] = "poisson"
    network_timeout = 30.0
    connection_timeout = 10.0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._load = load_of(environment, type(self))
        self._arrival: Arrival | None = None
        self._own_context: Callable[[], dict[str, Any]] = self.context  # type: ignore[has-type]
        self.context = self._timed_context
        self.wait_time = self._until_next
        self.tasks = [_take_place]

    def _until_next(self) -> float:
        self._load.leave(self._arrival)
        self._arrival = self._load.take()
        if self._arrival is None:
            raise StopUser  # Locust makes no new one, as the plan is at its end
        return max(0.0, self._arrival.intended_s - self._load.now_s())

    def _timed_context(self) -> dict[str, Any]:
        return {**self._own_context(), ARRIVAL: self._arrival, SENT: self._load.now_s()}


def _take_place(user: ModelUser) -> None:
    """The first "task": nothing, so that the first real one waits for its arrival like all others."""
    del user.tasks


class InvokeUser(ModelUser):
    """Sends sample rows to the model, one a request, in turn; an answer without a prediction is a failure."""

    abstract = True

    @task  # type: ignore[untyped-decorator]
    def invoke(self) -> None:
        """POST the next request."""
        headers = {"Content-Type": "application/json"}
        ask = next(self._load.requests)
        with self.client.post(ask.path, data=ask.body.encode(), headers=headers, catch_response=True) as answer:
            if answer.status_code == 200 and ask.answer.encode() not in (answer.content or b""):
                answer.failure("the answer holds no prediction")


def plan_of_process() -> Plan:
    """The plan that this process was started with."""
    return msgspec.json.decode(Path(os.environ[PLAN]).read_bytes(), type=Plan)


def load_of(environment: Environment, user_class: type[ModelUser]) -> Load:
    """The load that all users of an environment share; under plain ``locust`` made from the class's rate."""
    if not hasattr(environment, "legion_load"):
        phase = Phase(rate=user_class.rate, duration_s=math.inf)
        environment.legion_load = Load(Schedule(starts(user_class.arrivals, (phase,), seed=0)))
    load: Load = environment.legion_load
    return load
