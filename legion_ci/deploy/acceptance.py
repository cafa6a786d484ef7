"""The team's own tests of a deployment that has no traffic yet: pytest, in a process of its own."""

from __future__ import annotations

import shlex
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from legion_ci.core.errors import ConfigurationError, PluginError, ToolError
from legion_ci.core.tools import Tools
from legion_ci.results import TestCase, Verdict
from legion_ci.settings.schema import DeploySettings

_USAGE, _NOTHING = 4, 5  # pytest's own exit codes
_LAST_LINES = 15
_LONGEST_MESSAGE = 2000
_LONGEST_REASON = 120


@dataclass(frozen=True)
class Acceptance:
    """What the tests said."""

    verdict: Verdict = Verdict.PASS
    reason: str = ""
    summary: str = "no acceptance tests are configured"
    tests: tuple[TestCase, ...] = ()


def run(settings: DeploySettings, facts: Mapping[str, str], *, folder: Path, work: Path, tools: Tools) -> Acceptance:
    """Run ``deploy.tests`` (a path, or arguments of pytest) in ``folder`` with ``facts`` in the environment.

    Raises ConfigurationError when pytest cannot make sense of the setting, ToolError when the tests do not end in
    time or break pytest itself.
    """
    assert settings.tests is not None
    junit = work.resolve() / "deploy" / "acceptance.xml"
    junit.parent.mkdir(parents=True, exist_ok=True)
    junit.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        *shlex.split(settings.tests),
        f"--junitxml={junit}",
        "-p",
        "no:cacheprovider",
        "--color=no",
    ]
    tools.progress.say(f"acceptance tests: {settings.tests}")
    with tools.progress.waiting("the acceptance tests"):
        done = tools.shell.run(command, cwd=folder, env=facts, timeout_s=settings.tests_timeout, check=False)
    return judge(done.returncode, _cases(junit, tools), tools.secrets.redact(_last(done.stdout)))


def judge(status: int, tests: tuple[TestCase, ...], last: str) -> Acceptance:
    """The verdict from pytest's exit status and its cases. last: its last lines, for errors."""
    bad = [t for t in tests if t.outcome in ("failed", "error")]
    if bad:
        return Acceptance(Verdict.FAIL, "tests_failed", _failed(bad, len(tests)), tests)
    if status == 0 and any(t.outcome == "passed" for t in tests):
        return Acceptance(Verdict.PASS, "", f"{len(tests)} acceptance tests passed", tests)
    if status in (0, _NOTHING):
        return Acceptance(Verdict.INCONCLUSIVE, "no_tests", "no acceptance test ran", tests)
    if "No module named pytest" in last:
        raise PluginError("pytest is not installed", where="deploy.tests", todo="pip install 'legion-ci[gateway]'")
    if status == _USAGE:
        raise ConfigurationError(f"pytest cannot run these tests\n{last}", where="deploy.tests")
    raise ToolError(f"pytest ended with status {status}\n{last}", where="deploy.tests")


def _failed(bad: list[TestCase], of: int) -> str:
    """How many, and the first one's reason: often all fail for the same."""
    why = " ".join(bad[0].message.split())[:_LONGEST_REASON]
    return f"{len(bad)} of {of} acceptance tests failed ({bad[0].name.rpartition('::')[2]}{': ' if why else ''}{why})"


def _cases(junit: Path, tools: Tools) -> tuple[TestCase, ...]:
    if not junit.is_file():
        return ()
    root = ElementTree.parse(junit).getroot()  # noqa: S314 - written by the pytest that we ran
    return tuple(_case(element, tools) for element in root.iter("testcase"))


def _case(element: ElementTree.Element, tools: Tools) -> TestCase:
    name = "::".join(p for p in (element.get("classname"), element.get("name")) if p)
    outcome, message = "passed", ""
    for tag, said in (("skipped", "skipped"), ("error", "error"), ("failure", "failed")):
        found = element.find(tag)
        if found is not None:
            outcome, message = said, found.get("message") or found.text or ""
    shown = tools.secrets.redact(message)[:_LONGEST_MESSAGE]
    return TestCase(name=name, outcome=outcome, seconds=float(element.get("time") or 0), message=shown)


def _last(output: str) -> str:
    return "\n".join(f"  | {line}" for line in output.rstrip().splitlines()[-_LAST_LINES:])
