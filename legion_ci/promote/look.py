"""One look: reconcile with the gateway, read the evidence, decide, write it down, act."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from legion_ci.core.clock import stamp
from legion_ci.core.errors import OrderError
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.feedback.join import Joined, joined
from legion_ci.gateway.routes import Routes
from legion_ci.promote import evidence, guardrails, outcome, reconcile, refusals, sight, state, traffic
from legion_ci.promote.claims import Question
from legion_ci.promote.decision import Circumstances, Decision, decide
from legion_ci.promote.state import Experiment, Intent, Step
from legion_ci.promote.traffic import Traffic
from legion_ci.results import DeployResult, PromoteResult
from legion_ci.settings.schema import PromoteSettings

Reader = Callable[[Experiment], Joined]


@dataclass(frozen=True)
class Looker:
    """Everything that a look needs. held_by: an earlier gate that keeps traffic from moving, or an empty string."""

    settings: PromoteSettings
    deployed: DeployResult
    site: Site
    tools: Tools
    traffic: Traffic
    held_by: str = ""
    read: Reader | None = None

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.tools.clock.now().timestamp()

    def look(self) -> PromoteResult:
        """Look once and move at most one step."""
        routes = self.traffic.current()
        found = reconcile.reconcile(self.site, routes, self.deployed.deployment, self.now)
        if found.result is not None:
            return found.result
        if found.experiment is None:
            return self._begin(routes)
        if found.experiment.intent is not None:  # a rollback that was decided and not carried out
            return self._act(routes, found.experiment, found.experiment.result)
        return self._judge(routes, found.experiment)

    def _begin(self, routes: Routes) -> PromoteResult:
        first = traffic.name(self.settings.steps[0])
        if self.held_by and first != traffic.SHADOW:
            return outcome.held_before(self.deployed, routes, self.held_by)
        reconcile.see_that_it_can_begin(routes, self.deployed.deployment)
        new = Experiment(
            experiment=f"{self.deployed.deployment}-{routes.revision + 1}", deployment=self.deployed.deployment,
            champion=routes.champion or "", started=self.now, intent=Intent(action="advance", step=first, at=self.now),
        )  # fmt: skip
        state.save(self.site, new)
        moved = self.traffic.change(
            lambda r: traffic.begin(r, new.deployment, new.experiment, first), expected_revision=routes.revision
        )
        self._keep(new.but(intent=None, steps=(Step(name=first, started=self.now),)))
        return outcome.begun(new, first, routes, moved, self._next(None))

    def _judge(self, routes: Routes, running: Experiment) -> PromoteResult:
        step = running.step
        assert step is not None
        events = self._events(running)
        rows = evidence.rows(events, self.settings, running.champion, running.deployment)
        question = Question(self.settings, guardrails.parse(self.settings.guardrails), self.now)
        seen = sight.see(rows, step, question)
        about = Circumstances(self.settings, self.now, events.fields, events.unmatched, self.held_by)
        decision = decide(seen, about)
        following = self._following(step.name)
        result = outcome.of(seen, decision, running, routes, following, evidence.digest(rows), self._next(decision))
        looked = running.looked(outcome.look(seen, decision, self._stamp(self.now), routes, running.deployment, result))
        result = outcome.with_looks(result, looked.looks)
        if decision.action == "hold":
            self._keep(looked.but(result=None))
            return result
        target = following if decision.action == "advance" else ""
        action = "promote" if target == "100" else decision.action
        intent = Intent(action=action, step=target, at=self.now, why=decision.why)
        return self._act(routes, looked.but(intent=intent, result=result), result)

    def _act(self, routes: Routes, decided: Experiment, result: PromoteResult | None) -> PromoteResult:
        """Write down what was decided, change the traffic, write down that it is done."""
        intent = decided.intent
        assert intent is not None
        state.save(self.site, decided)
        try:
            moved = self._move(routes, decided.deployment, intent)
        except OrderError:
            self._keep(decided.but(intent=None, result=None))
            return outcome.overtaken(decided, routes, result)
        told = outcome.acted(result or outcome.finish(decided, routes), moved, decided.deployment)
        self._keep(_after(decided, intent, told))
        return told

    def _move(self, routes: Routes, deployment: str, intent: Intent) -> Routes:
        """A step only from the routes that were looked at; a rollback from whatever there is now."""
        if intent.action == "rollback":
            return self.traffic.change(lambda r: traffic.end(r, deployment), expected_revision=None)
        step = intent.step
        return self.traffic.change(lambda r: traffic.to_step(r, deployment, step), expected_revision=routes.revision)

    def _events(self, running: Experiment) -> Joined:
        if self.read is not None:
            return self.read(running)
        return joined(
            self.site.feedback, self.deployed.model.name, experiment=running.experiment,
            outcome=self.settings.outcome, since=running.started - 60,
            gateway_logs=(refusals.keep(self.site, running.experiment),),
        )  # fmt: skip

    def _following(self, step: str) -> str:
        names = [traffic.name(s) for s in self.settings.steps]
        if step in names:
            return names[names.index(step) + 1]
        return next(n for n in names if n != traffic.SHADOW and traffic.share(n) > traffic.share(step))

    def _next(self, decision: Decision | None) -> str | None:
        if decision is not None and decision.action == "rollback":
            return None
        soonest = self.now + self.settings.look_every
        return self._stamp(max(soonest, decision.wait_until or 0.0) if decision else soonest)

    @staticmethod
    def _stamp(moment: float) -> str:
        return stamp(datetime.fromtimestamp(moment, UTC))

    def _keep(self, experiment: Experiment) -> None:
        state.save(self.site, experiment)


def _after(decided: Experiment, intent: Intent, told: PromoteResult) -> Experiment:
    if intent.action == "rollback":
        return decided.but(intent=None, ended="failed", result=told)
    if intent.action == "promote":
        return decided.but(intent=None, ended="promoted", result=told)
    return decided.but(intent=None, result=None, steps=(*decided.steps, Step(name=intent.step, started=intent.at)))
