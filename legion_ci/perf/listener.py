"""Locust's side of a run, in Locust's process: hooks on its public events that mark, record, watch and end the load."""

from __future__ import annotations

import os
import time
from typing import Any
from urllib.parse import urlsplit

import gevent
from locust import events
from locust.env import Environment

from legion_ci.perf.arrivals import Schedule
from legion_ci.perf.load import Load
from legion_ci.perf.marking import marked
from legion_ci.perf.plan import Plan
from legion_ci.perf.recorder import Recorder, Seen
from legion_ci.perf.user import ARRIVAL, SENT, ModelUser, plan_of_process

_LEAD_S = 0.5  # users are made before the first arrival is due
_LOOK_S = 0.02
_OVERDUE_S = 0.002


def listen() -> None:
    """Attach to the run that Locust is about to start; called by the locustfile that the stage adds."""
    events.init.add_listener(lambda environment, **_: Listener(environment, plan_of_process()))


class Listener:
    """Hooks on one Locust environment; raises RuntimeError, on which Locust ends, when the plan must not be run."""

    def __init__(self, environment: Environment, plan: Plan) -> None:
        self._environment, self._plan = environment, plan
        self._recorder = Recorder(plan)
        self._status = self._recorder.status
        schedule = Schedule(plan.arrivals, plan.rate, plan.duration_s, plan.seed)
        self._load = environment.legion_load = Load(schedule, self._recorder, plan.late_s)
        self._sort_users()
        self._recorder.tell()
        if self._status.open_users and plan.refused:
            raise RuntimeError("the plan was refused")
        hooks = environment.events
        hooks.request.add_listener(self._on_request)
        hooks.user_error.add_listener(self._on_user_error)
        hooks.test_start.add_listener(self._on_test_start)
        hooks.quitting.add_listener(self._on_quitting)

    def _sort_users(self) -> None:
        classes = self._environment.user_classes
        for user_class in classes:
            kind = self._status.open_users if issubclass(user_class, ModelUser) else self._status.closed_users
            kind.append(user_class.__name__)
        classes[:] = [marked(c, self._note_unmarked) for c in classes]

    def _note_unmarked(self, name: str) -> None:
        if name not in self._status.unmarked:
            self._status.unmarked.append(name)

    def _on_test_start(self, **_: Any) -> None:
        self._status.started_unix = time.time() + _LEAD_S
        self._load.begin(_LEAD_S)
        gevent.spawn(self._watch)

    def _on_request(self, **event: Any) -> None:
        now_s, took_s = self._load.now_s(), (event.get("response_time") or 0.0) / 1000
        context = event.get("context") or {}
        sent_s = context.get(SENT)
        if sent_s is None:  # Locust's own users: the time from sending to the answer, nothing else is known
            seen = Seen(now_s - took_s, now_s - took_s, now_s, str(event.get("name")))
        else:
            seen = Seen(sent_s, sent_s, sent_s + took_s, str(event.get("name")))
            self._count_from_intended(seen, context[ARRIVAL])
        response = event.get("response")
        seen.status = int(getattr(response, "status_code", 0) or 0)
        seen.size = int(event.get("response_length") or 0)
        seen.failure = _failure(event.get("exception"), seen)
        self._recorder.put(seen)
        self._keep_home(event.get("url"))

    def _count_from_intended(self, seen: Seen, arrival: Any) -> None:
        if arrival is not None and not arrival.answered:
            arrival.answered = True
            seen.intended_s = arrival.intended_s
            seen.late = self._load.is_late(arrival, seen.sent_s)

    def _keep_home(self, url: str | None) -> None:
        if url and not url.startswith(self._plan.host) and urlsplit(url).netloc != urlsplit(self._plan.host).netloc:
            self._status.foreign = url
            self._recorder.tell()
            gevent.spawn(self._environment.runner.quit)

    def _on_user_error(self, exception: BaseException, **_: Any) -> None:
        now_s = self._load.now_s()
        self._recorder.put(
            Seen(now_s, now_s, now_s, "task", failure=f"a task raised {type(exception).__name__}: {exception}")
        )

    def _watch(self) -> None:
        used, told = time.process_time(), time.perf_counter()
        while not self._over():
            self._look()
            self._grow()
            wall = time.perf_counter()
            if wall - told >= 1.0:
                cpu = time.process_time()
                self._status.cpu.append(round((cpu - used) / (wall - told), 3))
                told, used = wall, cpu
                self._recorder.flush()
        if not self._status.closed_users:
            self._environment.stop_timeout = 0  # the answers that were to come have come
        self._environment.runner.quit()

    def _look(self) -> None:
        """Sleep a moment and note whether we were woken in time: a starved generator cannot be trusted."""
        due = time.perf_counter() + _LOOK_S
        gevent.sleep(_LOOK_S)
        if self._load.now_s() <= self._plan.duration_s:
            self._status.looks += 1
            self._status.looks_late += time.perf_counter() - due > self._plan.late_s

    def _over(self) -> bool:
        now_s = self._load.now_s()
        if os.getppid() != self._plan.parent:
            return True  # whoever asked is gone
        if self._status.closed_users:
            return now_s >= self._plan.duration_s
        return self._load.done() or now_s >= self._plan.duration_s + self._plan.drain_s

    def _grow(self) -> None:
        """All users are busy and an arrival is due: make more, as a real population would."""
        now_s, count = self._load.now_s(), int(self._environment.runner.user_count)
        self._status.most_users = max(self._status.most_users, count)
        growing = not self._status.closed_users and self._environment.shape_class is None
        if growing and now_s < self._plan.duration_s and self._load.schedule.overdue(now_s - _OVERDUE_S):
            wanted = min(self._plan.most_users, count + max(10, count // 4))
            if wanted > count:
                self._environment.runner.start(wanted, spawn_rate=wanted)

    def _on_quitting(self, **_: Any) -> None:
        if not self._status.closed_users:
            self._load.settle()
        self._status.ended_s = round(self._load.now_s(), 3)
        self._status.planned = self._load.schedule.handed_out
        self._recorder.flush()
        self._status.finished = True
        self._recorder.tell()


def _failure(exception: BaseException | None, seen: Seen) -> str:
    """What went wrong, in words that are the same for the same fault; empty for a good answer."""
    if exception is None:
        return ""
    if seen.status >= 400 and type(exception).__name__ != "CatchResponseError":
        return f"HTTP {seen.status} from {seen.name}"
    return str(exception) or type(exception).__name__
