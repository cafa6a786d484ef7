"""Keeps one process as it is wanted: starts, watches, restarts with back-off, stops, adopts."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import msgspec

from legion_ci.supervise import probe
from legion_ci.supervise.child import Child
from legion_ci.supervise.process import Actual, Phase, Process, Wanted
from legion_ci.supervise.records import Records

GIVE_UP_AFTER = 4  # deaths in a row; from then on `failed`, tried again once a minute
_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 60.0
_STABLE_S = 10.0  # ready for so long: earlier deaths are forgotten
_SICK_AFTER, _HANGS_AFTER = 3, 15  # failed health checks in a row until unhealthy, until restarted
_SETTLED_S = 0.2  # without a health address: alive for so long is ready
_QUICK_S, _CALM_S = 0.1, 2.0  # between health checks, before and after it is ready


class Keeper:
    """Looks after the process ``name``; ``step`` is called again and again and never waits long.

    monotonic and healthy are replaced in tests.
    """

    def __init__(
        self,
        records: Records,
        name: str,
        monotonic: Callable[[], float] = time.monotonic,
        healthy: Callable[[str], bool] = probe.healthy,
    ) -> None:
        self.name = name
        self._records, self._now, self._healthy = records, monotonic, healthy
        known = records.actual(name)
        self._child = Child(records, name, known.identity if known else None)
        self._known = self._adopted(known)
        self._since = self._checked = self._now()
        self._resume_at = 0.0
        self._sick = 0
        self._killed = False

    def step(self) -> bool:
        """One look; False when nothing is wanted and nothing is left."""
        wanted, alive = self._records.wanted(self.name), self._child.lives()
        if wanted is None and not alive:
            self._child.sweep()
            self._records.forget(self.name)
            return False
        if alive and (wanted is None or self._phase is Phase.STOPPING or self._outdated(wanted)):
            self._stop()
        elif alive and wanted is not None:
            if self._phase not in (Phase.WAITING, Phase.FAILED):  # else it was killed and is about to die
                self._watch(wanted)
        elif wanted is not None:
            self._revive(wanted)
        return True

    @property
    def settled(self) -> bool:
        """Whether nothing is expected to happen soon."""
        return self._phase in (Phase.READY, Phase.FAILED)

    @property
    def _phase(self) -> Phase | None:
        return self._known.phase if self._known else None

    def _adopted(self, known: Actual | None) -> Actual | None:
        """What is known, corrected by a child that an earlier supervisor had no time to write down."""
        found = self._child.identity
        if found is None or (known is not None and known.identity == found):
            return known
        wanted = self._records.wanted(self.name)
        process = wanted.process if wanted else Process(name=self.name, command=())
        return Actual(process=process, phase=Phase.STARTING, identity=found, since=time.time())

    def _outdated(self, wanted: Wanted) -> bool:
        return self._known is None or self._known.process.fingerprint() != wanted.process.fingerprint()

    def _revive(self, wanted: Wanted) -> None:
        """Nothing runs and something should: note a death, wait out the pause, start."""
        if self._phase in (Phase.STARTING, Phase.READY, Phase.UNHEALTHY):
            self._died()
        fresh = self._known is None or self._known.asked != wanted.asked
        if fresh or self._phase is Phase.STOPPING or self._now() >= self._resume_at:
            self._start(wanted, failures=0 if fresh or self._known is None else self._known.failures)

    def _start(self, wanted: Wanted, failures: int) -> None:
        restarts = self._known.restarts + 1 if self._known and self._known.identity else 0
        self._child.sweep()
        self._sick, self._killed = 0, False
        problem = self._child.start(wanted.process)
        self._known = Actual(
            process=wanted.process,
            phase=Phase.STARTING,
            asked=wanted.asked,
            restarts=restarts,
            identity=self._child.identity,
            failures=failures,
        )
        self._turn(Phase.STARTING)
        if problem:
            self._died(problem)

    def _died(self, problem: str = "") -> None:
        known = self._known
        if known is None:
            return
        stable = known.phase is Phase.READY and self._now() - self._since > _STABLE_S
        failures = 1 if stable else known.failures + 1
        given_up = failures >= GIVE_UP_AFTER
        pause_s = _LONGEST_PAUSE_S if given_up else min(_PAUSE_S * 2 ** (failures - 1), _LONGEST_PAUSE_S)
        self._resume_at = self._now() + pause_s
        last = (*self._child.last_lines(), problem or self._child.end())
        self._turn(Phase.FAILED if given_up else Phase.WAITING, failures=failures, last=last)

    def _watch(self, wanted: Wanted) -> None:
        fresh = self._known is None or self._known.asked != wanted.asked
        pause_s = _CALM_S if self._phase is Phase.READY and not fresh else _QUICK_S
        if self._now() - self._checked < pause_s:
            return
        self._checked = self._now()
        well = self._is_well(wanted.process)
        self._sick = 0 if well else self._sick + 1
        self._judge(wanted, well, _SICK_AFTER if not fresh else 1)
        if fresh:
            self._update(asked=wanted.asked, process=wanted.process)

    def _judge(self, wanted: Wanted, well: bool, sick_after: int) -> None:
        late = self._now() - self._since > wanted.process.ready_timeout_s
        if well:
            self._turn(Phase.READY)
        elif self._phase is Phase.STARTING and late:
            self._end(f"was not ready within {wanted.process.ready_timeout_s:g} s")
        elif self._phase is not Phase.STARTING and self._sick >= _HANGS_AFTER:
            self._end("does not answer any more")
        elif self._phase is not Phase.STARTING and self._sick >= sick_after:
            self._turn(Phase.UNHEALTHY)

    def _is_well(self, process: Process) -> bool:
        if process.health is None:
            return self._now() - self._since >= _SETTLED_S
        return self._healthy(process.health)

    def _end(self, reason: str) -> None:
        self._child.signal(signal.SIGKILL)
        self._died(reason)

    def _stop(self) -> None:
        """TERM, then, after the grace, KILL; both to the whole group."""
        if self._phase is not Phase.STOPPING:
            self._child.signal(signal.SIGTERM)
            self._turn(Phase.STOPPING)
        elif not self._killed and self._known and self._now() - self._since > self._known.process.stop_grace_s:
            self._killed = True
            self._child.signal(signal.SIGKILL)

    def _turn(self, phase: Phase, **facts: object) -> None:
        if self._known is None or (self._known.phase is phase and not facts and self._known.since):
            return
        self._since = self._now()
        self._update(phase=phase, since=time.time(), **facts)

    def _update(self, **facts: object) -> None:
        if self._known is not None:
            self._known = msgspec.structs.replace(self._known, **facts)
            self._records.save(self._known)
