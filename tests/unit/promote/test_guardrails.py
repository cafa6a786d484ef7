"""The words of guardrails."""

from __future__ import annotations

import pytest

from legion_ci.core.errors import ConfigurationError
from legion_ci.promote.guardrails import Guardrail, parse


def test_the_two_kinds_are_understood() -> None:
    assert parse(("errors not worse by 1%", "latency not  worse by 10 %", "latency mean not worse by 0.5%")) == (
        Guardrail("errors not worse by 1%", "errors", 0.01),
        Guardrail("latency not  worse by 10 %", "latency", 0.1),
        Guardrail("latency mean not worse by 0.5%", "latency", 0.005),
    )


def test_all_that_is_not_understood_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as told:
        parse(("p99 < 3", "errors not worse by 0%", "errors not worse by 1%", ""), "legion.yaml:9:1")
    assert len(told.value.problems) == 3
    assert "legion.yaml:9:1: the guardrail 'p99 < 3' is not understood; write" in str(told.value)
