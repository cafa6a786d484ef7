"""The candidate for checks that ask it more: other rows, its artefact, a function of the repository in its environment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from legion_ci.core import environments
from legion_ci.core.tools import Tools
from legion_ci.quality import calls
from legion_ci.quality.predictions import MODEL_DIR, Predictor, Request
from legion_ci.results import ModelRef
from legion_ci.store import artefacts


@dataclass(frozen=True)
class Asker:
    """See ``checks.Candidate``. request: of the evaluation rows; folder: the model repository; work: scratch.

    who: which model it is, for messages.
    """

    model: ModelRef
    request: Request
    predictor: Predictor
    tools: Tools
    folder: Path
    work: Path
    find_links: tuple[str, ...] = ()
    who: str = "candidate"

    def artefact(self) -> Path:
        """The candidate's artefact folder."""
        return artefacts.fetch(self.model.artefact, self.tools)

    def predict(self, table: pa.Table, name: str) -> pa.Table:
        """The candidate's answers on other rows."""
        self.tools.progress.say(f"{name}:")
        return self.predictor.predict(self.who, self.model, replace(self.request, table=table, digest=_digest(table)))

    def call(self, function: str, tables: Mapping[str, pa.Table], arguments: Mapping[str, Any], where: str) -> Any:
        """What a ``module:function`` of the repository returns, called in the candidate's environment."""
        python = environments.ensure(self.artefact() / MODEL_DIR / "requirements.lock", self.tools, self.find_links)
        asked = calls.Call(function, dict(arguments), str(self.folder))
        request = self.request
        return calls.ask(python, asked, tables, self.work, request.timeout_s, self.tools, where, request.limits)


def _digest(table: pa.Table) -> str:
    """Of the rows' values and types, whatever their chunks."""
    whole = hashlib.sha256(table.schema.serialize())
    for batch in table.combine_chunks().to_batches():
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        whole.update(sink.getvalue())
    return whole.hexdigest()
