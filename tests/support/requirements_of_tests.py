"""What a test needs from the machine: a tool that is missing skips it by name, or fails it when all are required."""

from __future__ import annotations

import os
import shutil

import pytest


def need(tool: str, hint: str) -> str:
    """Path of a program; without it the test is skipped, or fails under LEGION_TEST_REQUIRE=all."""
    found = shutil.which(tool)
    if found:
        return found
    message = f"{tool} is not on this machine: {hint}"
    if os.environ.get("LEGION_TEST_REQUIRE") == "all":
        pytest.fail(message)
    pytest.skip(message)
