"""The verdict of the team's tests."""

import pytest

from legion_ci.core.errors import ConfigurationError, PluginError, ToolError
from legion_ci.deploy.acceptance import judge
from legion_ci.results import TestCase, Verdict


def cases(*outcomes: str) -> tuple[TestCase, ...]:
    return tuple(TestCase(name=str(n), outcome=o) for n, o in enumerate(outcomes))


@pytest.mark.parametrize(
    ("status", "outcomes", "verdict"),
    [
        (0, ["passed"], Verdict.PASS),
        (0, ["passed", "skipped"], Verdict.PASS),
        (1, ["passed", "failed"], Verdict.FAIL),
        (1, ["passed", "error"], Verdict.FAIL),
        (2, ["error"], Verdict.FAIL),  # the tests cannot be imported
        (0, ["skipped"], Verdict.INCONCLUSIVE),
        (5, [], Verdict.INCONCLUSIVE),
    ],
)
def test_the_verdict_follows_from_status_and_cases(status, outcomes, verdict):
    said = judge(status, cases(*outcomes), "")
    assert said.verdict is verdict
    assert (said.reason == "") is (verdict is Verdict.PASS)


@pytest.mark.parametrize(
    ("status", "last", "error"),
    [
        (4, "file not found", ConfigurationError),
        (3, "internal error", ToolError),
        (2, "interrupted", ToolError),
        (1, "No module named pytest", PluginError),
    ],
)
def test_what_is_no_verdict_is_an_error_with_the_last_lines(status, last, error):
    with pytest.raises(error) as caught:
        judge(status, (), last)
    assert "pytest" in str(caught.value)
