"""Repositories that the tests of stages share."""

from __future__ import annotations

import pytest
from legion_program import Legion
from repositories import wine


@pytest.fixture(scope="session")
def caches(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def legion(tmp_path, caches):
    """Runs tasks in a repository of its own."""
    return Legion(tmp_path, caches)


@pytest.fixture(scope="session")
def accepted(tmp_path_factory, caches):
    """A wine model that was trained and passed its gate in the run r1. Tests work in other runs."""
    legion = Legion(tmp_path_factory.mktemp("wine"), caches)
    wine(legion.folder)
    legion.good("train", "--run", "r1")
    legion.good("quality", "--first", "--run", "r1")
    return legion
