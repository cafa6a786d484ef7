"""The main job on real data: the better challenger is promoted by the evidence, worse ones never are."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager

import model_repository
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]

WINTER, SPRING = "data/2013-0[1-3].parquet", "data/2013-0[1-5].parquet"
# The machine may be busy: how fast the model answers is the business of a goal on an idle one, not of this test.
PERF = ("--set", "perf.rate=50", "--set", "perf.duration=10s", "--set", 'perf.budgets=["errors < 2%"]')
LOOKING = ("--set", "promote.window=5s", "--set", "promote.in_build=4m", "--set", "promote.look_every=2s")
NO_GATE = ("--set", "quality.checks=[]")


def train_on(path: str) -> tuple[str, str]:
    return "--set", f"data.train.path={path}"


@contextmanager
def july(repository):
    """July's flights as live traffic for the time of the block; yields where the totals will be."""
    totals: dict[str, object] = {}
    command = [sys.executable, "replay.py", repository.status()["url"], "--rate", "350"]
    child = subprocess.Popen(command, cwd=repository.folder, stdout=subprocess.PIPE, text=True)
    try:
        yield totals
    finally:
        child.terminate()
        told = child.communicate()[0]  # nothing, when the look was over before the replay had begun
        totals.update(json.loads(told) if told else {})


def assert_champion_keeps_all(repository, champion: str) -> None:
    status = repository.status()
    assert status["champion"] == champion
    assert repository.shares()[champion] == 1.0


@pytest.fixture
def winter_champion(tmp_path):
    """A site whose champion was trained on January to March."""
    repository = model_repository.copy("flight-delay", tmp_path)
    try:
        repository.bring("champion", "--first", *train_on(WINTER), *PERF)
        yield repository
    finally:
        repository.stop()


@pytest.fixture(scope="module")
def spring_champion(tmp_path_factory):
    """A site whose champion was trained on January to May: the better model is live already."""
    repository = model_repository.copy("flight-delay", tmp_path_factory.mktemp("swapped"))
    shuffle(repository.folder / "data")
    try:
        repository.bring("champion", "--first", *train_on(SPRING), *PERF)
        yield repository
    finally:
        repository.stop()


def shuffle(data) -> None:
    """January to May once more, with outcomes that belong to other flights."""
    table = pq.ParquetDataset(sorted(data.glob("2013-0[1-5].parquet"))).read()
    late = np.random.default_rng(0).permutation(table.column("late").to_numpy())
    table = table.set_column(table.column_names.index("late"), "late", pa.array(late))
    pq.write_table(table, data / "shuffled.parquet")


def test_the_challenger_with_more_months_is_promoted_by_the_evidence(winter_champion):
    repository = winter_champion
    champion = repository.status()["champion"]
    repository.bring("challenger", "--set", "deploy.tests=tests", *PERF, code=10)
    challenger = repository.result("challenger", "deploy")["deployment"]
    assert_champion_keeps_all(repository, champion)

    with july(repository) as totals:
        repository.legion("promote", "--run", "challenger", *LOOKING)

    assert repository.status()["champion"] == challenger
    assert repository.shares()[challenger] == 1.0
    promote = repository.result("challenger", "promote")
    assert (promote["verdict"], promote["action"]) == ("PASS", "promoted")
    assert totals["failed"] == 0
    assert set(totals["by_model_version"]) == {
        repository.result(run, "train")["model"]["version"] for run in ("champion", "challenger")
    }
    assert sum(promote["units"].values()) <= 2 * totals["answered"]  # the load test's requests are no evidence
    repository.legion("report", "--run", "challenger")
    assert (repository.folder / ".legion/runs/challenger/report/index.html").is_file()

    repository.legion("rollback")
    assert_champion_keeps_all(repository, champion)


def test_with_the_arms_swapped_the_gate_fails_and_the_champion_stays(spring_champion):
    champion = spring_champion.status()["champion"]
    spring_champion.legion("pipeline", "--run", "swapped", *train_on(WINTER), *PERF, code=1)
    assert spring_champion.result("swapped", "quality")["verdict"] == "FAIL"
    assert not spring_champion.has_run("swapped", "deploy")
    assert_champion_keeps_all(spring_champion, champion)


def test_a_challenger_of_shuffled_outcomes_fails_the_gate_and_the_champion_stays(spring_champion):
    champion = spring_champion.status()["champion"]
    spring_champion.legion("pipeline", "--run", "shuffled", *train_on("data/shuffled.parquet"), *PERF, code=1)
    failed = {c["metric"] for c in spring_champion.result("shuffled", "quality")["checks"] if c["outcome"] == "FAIL"}
    assert {"roc_auc", "brier"} <= failed
    assert_champion_keeps_all(spring_champion, champion)


@pytest.mark.parametrize(("name", "path"), [("winter", WINTER), ("shuffled", "data/shuffled.parquet")])
def test_a_worse_challenger_about_which_quality_could_say_nothing_gets_no_traffic(spring_champion, name, path):
    run = f"ungated-{name}"
    champion = spring_champion.status()["champion"]
    spring_champion.bring(run, *train_on(path), *NO_GATE, *PERF, code=10)
    with july(spring_champion):
        spring_champion.legion("promote", "--run", run, *LOOKING, "--set", "promote.in_build=75s", code=10)
    assert spring_champion.result(run, "promote")["action"] == "hold"
    assert_champion_keeps_all(spring_champion, champion)
    deployment = spring_champion.result(run, "deploy")["deployment"]
    if deployment in spring_champion.shares():
        spring_champion.legion("undeploy", "--deployment", deployment)
