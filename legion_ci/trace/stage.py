"""The tasks ``trace`` and ``compare``."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path

import msgspec

from legion_ci.core.errors import ConfigurationError, OrderError
from legion_ci.core.tools import Tools
from legion_ci.settings.load import FILE, Loaded, load
from legion_ci.trace import comparison, links, predictions
from legion_ci.trace.links import Chain
from legion_ci.trace.predictions import Made, Prediction


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """What a word leads to. named: what it is (request, artefact, commit, …)."""

    named: str
    chain: Chain
    predictions: tuple[Prediction, ...] = ()
    made: Made | None = None

    def text(self) -> str:
        """Lines for people, from the prediction down to the data."""
        return "\n".join(f"{name:<12} {told}" for name, told in _lines(self) if told)


def find(loaded: Loaded, word: str) -> tuple[Trace, ...]:
    """Every model that ``word`` leads to. Raises OrderError when nothing here knows it."""
    known, store, model = links.chains(loaded), loaded.site.feedback, loaded.settings.model.name
    if asked := predictions.of_request(store, model, word):
        by_digest = {c.model.artefact.digest: c for c in known}
        return tuple(
            Trace(named="request", chain=chain, predictions=(p,)) for p in asked if (chain := by_digest.get(p.digest))
        ) or _lost(asked)
    found = links.matching(known, word)
    if not found:
        raise OrderError(
            f"nothing here is called {word!r}",
            where=str(loaded.folder),
            todo=f"give a request id, or a digest, run, commit, build, deployment or version "
            f"(at least {links.LEAST} letters of it); {len(known)} models are known here",
        )
    return tuple(Trace(named=what, chain=c, made=_made(store, model, c)) for c, what in found)


def _made(store: Path, model: str, chain: Chain) -> Made | None:
    return predictions.of_deployment(store, model, chain.deployment) if chain.deployment else None


def _lost(asked: tuple[Prediction, ...]) -> tuple[Trace, ...]:
    p = asked[0]
    raise OrderError(
        f"request {p.request_id} was answered by {p.deployment} (artefact {p.digest[:12]}), which is known no more",
        todo="its run and its installed package were removed; the tracking server may still have the model",
    )


def _lines(trace: Trace) -> list[tuple[str, str]]:
    c, p = trace.chain, trace.chain.provenance
    share = "not deployed" if c.share is None else f"{100 * c.share:g} % of the traffic now"
    made = trace.made
    return [
        ("found as", trace.named),
        *(("request", f"{x.request_id} at {x.at}, status {x.status}{_circumstance(x)}") for x in trace.predictions),
        ("answered", f"{made.count} requests from {made.first} to {made.last}, newest {made.newest}" if made else ""),
        ("deployment", f"{c.deployment}, {share}" if c.deployment else "none"),
        ("package", ", ".join(c.packages)),
        ("model", f"{c.model.name} {c.model.version}"),
        ("artefact", f"{c.model.artefact.digest} at {c.model.artefact.uri}"),
        ("MLflow run", c.model.run_id),
        *((f"data {name}", digest) for name, digest in sorted(p.data.items())),
        ("code", p.code),
        ("commit", p.commit + (" and changes that were not committed" if p.dirty else "")),
        ("build", p.build),
        ("runs", ", ".join(c.runs)),
    ]


def _circumstance(x: Prediction) -> str:
    told = [f"a copy ({x.purpose})" if x.purpose else "", f"experiment {x.experiment}" if x.experiment else "",
            f"step {x.step}" if x.step else ""]  # fmt: skip
    return "".join(f", {t}" for t in told if t)


def trace(tools: Tools, what: str, settings: str, sets: tuple[str, ...], json: bool) -> int:
    """The task ``trace``."""
    if not what.strip():
        raise ConfigurationError("say what to trace", where="trace", todo="a request id, digest, run or commit")
    found = find(load(Path(settings or FILE), sets), what.strip())
    if json:
        print(jsonlib.dumps([msgspec.to_builtins(t) for t in found], indent=2))
    else:
        print("\n\n".join(t.text() for t in found))
    return 0


def compare(tools: Tools, one: str, other: str, settings: str, sets: tuple[str, ...], json: bool) -> int:
    """The task ``compare``."""
    found = comparison.compare(load(Path(settings or FILE), sets), one, other, tools)
    print(jsonlib.dumps(msgspec.to_builtins(found), indent=2) if json else found.text())
    return 0
