"""Rollback: one change of the routes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from promote_site import Bench, settings

from legion_ci.core.errors import OrderError
from legion_ci.gateway import routes
from legion_ci.promote import traffic
from legion_ci.promote.rollback import rollback


def test_a_running_experiment_is_ended(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    routes.change(bench.site, lambda r: traffic.begin(r, "new", "new-2", "25"))
    after = rollback(bench.site, bench.tools)
    assert (after.champion, after.share("old"), after.width("new"), after.mirror) == ("old", 1.0, 0, None)
    assert (after.experiment, after.step) == ("", "")
    assert routes.read(bench.site) == after


def test_a_shadow_is_ended(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    routes.change(bench.site, lambda r: traffic.begin(r, "new", "new-2", "shadow"))
    assert rollback(bench.site, bench.tools).mirror is None


def test_the_previous_champion_comes_back_when_nothing_runs(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    routes.change(bench.site, lambda r: routes.promote(r, "new"))
    after = rollback(bench.site, bench.tools)
    assert (after.champion, after.share("old"), after.previous) == ("old", 1.0, "new")


def test_without_a_previous_champion_there_is_nothing_to_roll_back_to(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings())
    with pytest.raises(OrderError, match="nothing to roll back to"):
        rollback(bench.site, bench.tools)


def test_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, legion_ci.promote.rollback; "
        "print(*({'numpy','duckdb','pyarrow','scipy','mlflow','pandas','granian'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
