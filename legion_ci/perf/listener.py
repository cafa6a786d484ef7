"""Locust's side of a run, in Locust's process: hooks on its public events that mark, record, watch and end the load."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gevent
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from legion_ci.perf import requests
from legion_ci.perf.arrivals import Schedule
from legion_ci.perf.load import Load
from legion_ci.perf.log import Status
from legion_ci.perf.marking import marked
from legion_ci.perf.null_probe import probe
from legion_ci.perf.plan import ABORT, Plan
from legion_ci.perf.recorder import Files, Out, Recorder, Seen
from legion_ci.perf.user import ARRIVAL, SENT, ModelUser, plan_of_process

_LEAD_S = 0.5  # users are made before the first arrival is due
_LOOK_S = 0.02
_OVERDUE_S = 0.002


def listen() -> None:
    """Attach to the run that Locust is about to start; called by the locustfile that the stage adds."""
    events.init.add_listener(_attach)


def _attach(environment: Environment, **_: Any) -> None:
    from legion_ci.perf import distributed

    if isinstance(environment.runner, MasterRunner):
        distributed.Master(environment, plan_of_process())
    elif isinstance(environment.runner, WorkerRunner):
        distributed.Worker(environment)
    else:
        Single(environment, plan_of_process())


def sort_users(environment: Environment, status: Status) -> None:
    """Mark the user classes, and note which are open and which are Locust's own."""

    def note(name: str) -> None:
        if name not in status.unmarked:
            status.unmarked.append(name)

    classes = environment.user_classes
    for user_class in classes:
        kind = status.open_users if issubclass(user_class, ModelUser) else status.closed_users
        kind.append(user_class.__name__)
    classes[:] = [marked(c, note) for c in classes]


class Generator:
    """Sends and records the ``index``-th of ``of`` parts of a plan in one process; ``over`` is called at its end."""

    def __init__(self, environment: Environment, plan: Plan, out: Out, *, index: int = 0, of: int = 1) -> None:
        self.environment, self.plan = environment, plan
        self.recorder = Recorder(plan, out, share=1 / of)
        self.status = self.recorder.status
        schedule = Schedule(plan.starts(), index=index, of=of, most=plan.most_requests)
        sent = requests.read(Path(plan.requests), index=index, of=of) if plan.requests else iter(())
        self.load = environment.legion_load = Load(schedule, self.recorder, plan.late_s, sent)
        self._most_users = plan.most_users // of
        self._most_requests = (plan.most_requests or 0) // of
        self._seen = 0
        hooks = environment.events
        hooks.request.add_listener(self._on_request)
        hooks.user_error.add_listener(self._on_user_error)

    def begin(self, lead_s: float) -> None:
        """Start the plan's clock and look after the load until its end."""
        self.status.started_unix = time.time() + lead_s
        self.load.begin(lead_s)
        if self.plan.null:
            gevent.spawn(probe, self.plan.null, self.plan, self.load, self.recorder)
        gevent.spawn(self._watch)

    def grow(self, wanted: int) -> None:
        """Make users; a process of its own does it itself."""
        self.environment.runner.start(wanted, spawn_rate=wanted)

    def keeps_on(self) -> bool:
        """Whether whoever asked for the load is still there and wants it."""
        return True

    def over(self) -> None:
        """The load is at its end."""
        raise NotImplementedError

    def finish(self) -> None:
        """Close the books; nothing is counted afterwards."""
        if self.status.finished:
            return
        if not self.status.closed_users:
            self.load.settle()
        self.status.ended_s = round(self.status.ended_s or self.load.now_s(), 3)
        self.status.planned = self.load.schedule.handed_out
        self.status.finished = True
        self.recorder.flush()

    def stop_early(self, why: str) -> None:
        """No further arrivals: a budget is broken beyond doubt."""
        if not self.status.stopped:
            self.status.stopped, self.status.ended_s = why, round(self.load.now_s(), 3)
            self.load.schedule.close()

    def _on_request(self, **event: Any) -> None:
        now_s, took_s = self.load.now_s(), (event.get("response_time") or 0.0) / 1000
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
        self._put(seen)
        self._keep_home(event.get("url"))

    def _put(self, seen: Seen) -> None:
        if not self.status.finished:
            self._seen += 1
            self.recorder.put(seen)

    def _count_from_intended(self, seen: Seen, arrival: Any) -> None:
        if arrival is not None and not arrival.answered:
            arrival.answered = True
            seen.intended_s = arrival.intended_s
            seen.late = self.load.is_late(arrival, seen.sent_s)

    def _keep_home(self, url: str | None) -> None:
        if url and not url.startswith(self.plan.host) and urlsplit(url).netloc != urlsplit(self.plan.host).netloc:
            self.status.foreign = url

    def _on_user_error(self, exception: BaseException, **_: Any) -> None:
        now_s = self.load.now_s()
        self._put(Seen(now_s, now_s, now_s, "task", failure=f"a task raised {type(exception).__name__}: {exception}"))

    def _watch(self) -> None:
        used, told = time.process_time(), time.perf_counter()
        while not self._is_over():
            self._look()
            self._grow()
            wall = time.perf_counter()
            if wall - told >= 1.0:
                cpu = time.process_time()
                self.status.cpu.append(round((cpu - used) / (wall - told), 3))
                told, used = wall, cpu
                self.recorder.flush()
        self.over()

    def _look(self) -> None:
        """Sleep a moment and note whether we were woken in time: a starved generator cannot be trusted."""
        due = time.perf_counter() + _LOOK_S
        gevent.sleep(_LOOK_S)
        if self.load.now_s() <= self.plan.duration_s:
            self.status.looks += 1
            self.status.looks_late += time.perf_counter() - due > self.plan.late_s

    def _is_over(self) -> bool:
        now_s = self.load.now_s()
        if self.status.foreign or not self.keeps_on():
            return True
        if self.status.closed_users:
            enough = bool(self._most_requests) and self._seen >= self._most_requests
            return enough or bool(self.status.stopped) or now_s >= self.plan.duration_s
        return self.load.done() or now_s >= (self.status.ended_s or self.plan.duration_s) + self.plan.drain_s

    def _grow(self) -> None:
        """All users are busy and an arrival is due: make more, as a real population would."""
        now_s, count = self.load.now_s(), int(self.environment.runner.user_count)
        self.status.most_users = max(self.status.most_users, count)
        growing = not self.status.closed_users and self.environment.shape_class is None
        if growing and now_s < self.plan.duration_s and self.load.schedule.overdue(now_s - _OVERDUE_S):
            wanted = min(self._most_users, count + max(10, count // 4))
            if wanted > count:
                self.grow(wanted)


class Single(Generator):
    """One process that is all of the generator. Raises RuntimeError, on which Locust ends, for a refused plan."""

    def __init__(self, environment: Environment, plan: Plan) -> None:
        self._files = Files(plan)
        super().__init__(environment, plan, self._files)
        sort_users(environment, self.status)
        self._files.tell(self.status)
        if self.status.open_users and plan.refused:
            raise RuntimeError("the plan was refused")
        environment.events.test_start.add_listener(lambda **_: self.begin(_LEAD_S))
        environment.events.quitting.add_listener(self._on_quitting)

    def keeps_on(self) -> bool:
        """A parent that went away, and its wish to stop."""
        if (why := wish_to_stop(self.plan)) is not None:
            self.stop_early(why)
        return os.getppid() == self.plan.parent

    def over(self) -> None:
        """Ends Locust; ``quitting`` closes the books."""
        if not self.status.closed_users:
            self.environment.stop_timeout = 0  # the answers that were to come have come
        self.environment.runner.quit()

    def _on_quitting(self, **_: Any) -> None:
        self.finish()
        self._files.tell(self.status)


def wish_to_stop(plan: Plan) -> str | None:
    """The budget for which the parent wants the load stopped; None: it wants it to go on."""
    try:
        return plan.file(ABORT).read_text()
    except OSError:
        return None


def _failure(exception: BaseException | None, seen: Seen) -> str:
    """What went wrong, in words that are the same for the same fault; empty for a good answer."""
    if exception is None:
        return ""
    if seen.status >= 400 and type(exception).__name__ != "CatchResponseError":
        return f"HTTP {seen.status} from {seen.name}"
    return str(exception) or type(exception).__name__
