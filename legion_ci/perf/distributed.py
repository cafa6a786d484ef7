"""One load from several processes: Locust's master hands out the plan and adds up what its workers have seen."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

import gevent
import msgspec
from locust.env import Environment

from legion_ci.perf.arrivals import Schedule
from legion_ci.perf.listener import Generator, sort_users, wish_to_stop
from legion_ci.perf.load import Load
from legion_ci.perf.log import Status, merged
from legion_ci.perf.marking import carry, headers
from legion_ci.perf.plan import Plan
from legion_ci.perf.purpose import MARK, SIGNED
from legion_ci.perf.recorder import Files

_LEAD_S = 1.5  # from the message until the first arrival: users are spread and made in it
_LOOK_S = 0.05
_LOST_S = 15.0  # a worker that is silent that long after the end is lost
BEGIN, PIECE, STOP, MORE = "legion_begin", "legion_piece", "legion_stop", "legion_more_users"


class Master:
    """Sends nothing itself. Raises RuntimeError, on which Locust ends, when the plan must not be run."""

    def __init__(self, environment: Environment, plan: Plan) -> None:
        self._environment, self._plan = environment, plan
        self._files, self._own = Files(plan), Status()
        self._told: dict[str, Status] = {}
        self._begun = time.monotonic()
        sort_users(environment, self._own)
        self._files.tell(self._own)
        if self._own.open_users and plan.refused:
            raise RuntimeError("the plan was refused")
        environment.runner.register_message(PIECE, self._on_piece)
        environment.runner.register_message(MORE, self._on_more)
        environment.events.worker_connect.add_listener(self._on_connect)
        environment.events.test_start.add_listener(self._on_test_start)
        environment.events.quitting.add_listener(self._on_quitting)
        gevent.spawn(self._keep_company)

    def _on_connect(self, client_id: str, **_: Any) -> None:
        """Only this machine and those that the settings name take part: others are never told the plan."""
        host = client_id.rpartition("_")[0]
        if host != socket.gethostname() and host not in self._plan.workers_from:
            self._own.stranger = host
            self._files.tell(self._own)  # on which the parent ends us

    def _on_test_start(self, **_: Any) -> None:
        if self._own.stranger:
            return
        runner = self._environment.runner
        clients = sorted(runner.clients.keys())
        self._told = {client: Status() for client in clients}
        self._own.started_unix = time.time() + _LEAD_S
        told: dict[str, Any] = {"plan": msgspec.json.encode(self._plan), "of": len(clients), "at": self._own.started_unix,
                "purpose": {n: v for n, v in headers().items() if n in (*MARK, SIGNED)}}  # fmt: skip
        for name in ("requests", "trace"):
            path = getattr(self._plan, name)
            told[name] = Path(path).read_bytes() if path else b""
        for index, client in enumerate(clients):
            runner.send_message(BEGIN, {**told, "index": index}, client)
        gevent.spawn(self._watch)

    def _on_piece(self, msg: Any, **_: Any) -> None:
        self._files.piece(msg.data["ticks"], msg.data["rows"], self._own)
        self._told[msg.node_id] = msgspec.json.decode(msg.data["status"], type=Status)

    def _on_more(self, msg: Any, **_: Any) -> None:
        """A worker has no user free: every worker gets more, since Locust spreads them evenly."""
        wanted = min(self._plan.most_users, int(msg.data) * len(self._told))
        if wanted > self._environment.runner.target_user_count:
            self._environment.runner.start(wanted, spawn_rate=wanted)

    def _keep_company(self) -> None:
        while os.getppid() == self._plan.parent:
            gevent.sleep(1.0)
        self._environment.runner.quit()  # whoever asked is gone

    def _watch(self) -> None:
        deadline = time.time() + _LEAD_S + self._plan.duration_s + self._plan.drain_s + _LOST_S
        asked = False
        while time.time() < deadline and not all(s.finished or s.foreign for s in self._told.values()):
            gevent.sleep(_LOOK_S)
            if not asked and (why := wish_to_stop(self._plan)) is not None:
                asked = True
                self._environment.runner.send_message(STOP, why)
        self._environment.stop_timeout = 0
        self._environment.runner.quit()

    def _on_quitting(self, **_: Any) -> None:
        parts = list(self._told.values())
        all_told = merged(parts)
        all_told.lost = sum(not p.finished for p in parts)
        all_told.finished = any(p.finished for p in parts)
        all_told.open_users, all_told.closed_users = self._own.open_users, self._own.closed_users
        all_told.stranger = self._own.stranger
        all_told.started_unix = self._own.started_unix
        self._files.tell(all_told)


class Worker:
    """One of the processes that send. Until the master says ``begin`` there is no plan, and users have nothing to do."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._sorted = Status()
        environment.legion_load = Load(Schedule(()))
        sort_users(environment, self._sorted)
        environment.runner.register_message(BEGIN, self._on_begin)

    def _on_begin(self, msg: Any, **_: Any) -> None:
        told = msg.data
        plan = msgspec.json.decode(told["plan"], type=Plan)
        folder = Path(tempfile.mkdtemp(prefix="legion-perf-"))
        for name in ("requests", "trace"):
            (folder / name).write_bytes(told[name])
        plan = msgspec.structs.replace(
            plan,
            folder=str(folder),
            requests=str(folder / "requests") if told["requests"] else "",
            trace=str(folder / "trace") if told["trace"] else "",
        )
        carry(told["purpose"])
        part = Part(self._environment, plan, told["index"], told["of"], self._sorted)
        for name in ("requests", "trace"):
            (folder / name).unlink()
        folder.rmdir()
        part.begin(told["at"] - time.time())


class Part(Generator):
    """A worker's part of the plan: every ``of``-th arrival."""

    def __init__(self, environment: Environment, plan: Plan, index: int, of: int, users: Status) -> None:
        super().__init__(environment, plan, self, index=index, of=of)
        self.status.open_users, self.status.closed_users = users.open_users, users.closed_users
        self.status.unmarked = users.unmarked
        environment.runner.register_message(STOP, lambda msg, **_: self.stop_early(str(msg.data)))

    def piece(self, ticks: bytes, rows: bytes, status: Status) -> None:
        """To the master, once a second."""
        told = {"ticks": ticks, "rows": rows, "status": msgspec.json.encode(status)}
        self.environment.runner.send_message(PIECE, told)

    def grow(self, wanted: int) -> None:
        """Only the master can make users."""
        self.environment.runner.send_message(MORE, wanted)

    def over(self) -> None:
        """The master ends Locust when all have told their end."""
        self.finish()
