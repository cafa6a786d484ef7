"""What guardrails say: ``errors not worse by 1%`` and ``latency not worse by 10%``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from legion_ci.core.errors import ConfigurationError, Problem

_FORM = re.compile(r"(errors|latency)(?:\s+mean)?\s+not\s+worse\s+by\s+(\d+(?:\.\d+)?)\s*%")


@dataclass(frozen=True)
class Guardrail:
    """text: as written. kind: errors (share of units with an error; margin in absolute points, 0..1) or latency
    (geometric mean of the answer's time; margin relative).
    """

    text: str
    kind: str
    margin: float


def parse(texts: Sequence[str], where: str = "") -> tuple[Guardrail, ...]:
    """The guardrails; raises ConfigurationError with all that are not understood."""
    found = [(t, _FORM.fullmatch(" ".join(t.split()))) for t in texts]
    wrong = [
        Problem(
            f"the guardrail {t!r} is not understood",
            where=where,
            todo="write 'errors not worse by 1%' (absolute points) or 'latency not worse by 10%' (relative)",
        )
        for t, m in found
        if m is None or not 0 < float(m[2]) < 100
    ]
    if wrong:
        raise ConfigurationError(wrong)
    return tuple(Guardrail(t, m[1], float(m[2]) / 100) for t, m in found if m)
