"""What ``clean`` takes away and, more important, what it never does."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec
import pytest

from legion_ci import clean, runs
from legion_ci.core import environments
from legion_ci.core.site import cache_home
from legion_ci.feedback.layout import OUTCOME, hour_file
from legion_ci.feedback.lines import LineFiles
from legion_ci.feedback.outcomes import Outcome
from legion_ci.gateway import routes
from legion_ci.gateway.routes import Arm, Routes
from legion_ci.promote import state
from legion_ci.promote.state import Experiment
from legion_ci.results import Artefact, ModelRef
from legion_ci.settings.load import Loaded, load
from legion_ci.supervise.process import Actual, Phase, Process
from legion_ci.supervise.records import Records

LONG_AGO = time.time() - 400 * 86400


@pytest.fixture
def loaded(tmp_path, monkeypatch) -> Loaded:
    monkeypatch.setenv("LEGION_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "legion.yaml").write_text(
        f"model: {{name: tiny}}\nsite: {{path: {tmp_path / 'site'}}}\nkeep: {{runs: 2}}\n"
    )
    return load(folder / "legion.yaml", environment={})


def cleaned(loaded: Loaded, dry_run: bool = False) -> str:
    return "\n".join(clean.clean(loaded, dry_run=dry_run))


def old_environment(home: Path) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").write_text("")
    (home / "legion-used").write_text(f"{LONG_AGO:.0f}")
    return home


def deployed(loaded: Loaded, name: str) -> Path:
    """A deployment that is in the routes, with its installed package."""
    folder = loaded.site.deployments / name
    folder.mkdir(parents=True)
    (folder / "requirements.lock").write_text(f"# lock of {name}\n")
    model = ModelRef(name="tiny", version="1", artefact=Artefact(uri="file:///a", digest="a" * 64))
    now = routes.read(loaded.site)
    arm = Arm(deployment=name, model=model, endpoint="127.0.0.1:1")
    document = Routes(**{**msgspec.structs.asdict(now), "arms": (*now.arms, arm)})
    loaded.site.routes.write_bytes(msgspec.json.encode(document))
    return folder


def finished_runs(loaded: Loaded, count: int) -> list[Path]:
    made = []
    for number in range(count):
        run = runs.choose(loaded.folder, f"r{number}", fresh=True)
        (run.folder / "run.json").write_text(f'{{"created": {1000 + number}}}')
        run.finish("promote PASS")
        made.append(run.folder)
    return made


def test_the_oldest_finished_runs_go_and_unfinished_ones_stay(loaded):
    made = finished_runs(loaded, 4)
    (made[0] / "finished").unlink()
    told = cleaned(loaded)
    assert [p.exists() for p in made] == [True, False, True, True]
    assert f"removed {made[1]}" in told
    assert "older than the last 2 runs" in told


def test_an_environment_that_nobody_used_for_long_goes_and_a_fresh_one_stays(loaded):
    old, fresh = (old_environment(cache_home() / "environments" / name) for name in ("old", "fresh"))
    (fresh / "legion-used").write_text(f"{time.time():.0f}")
    told = cleaned(loaded)
    assert (old.exists(), fresh.exists()) == (False, True)
    assert "not used for 400 days" in told


def test_the_environment_of_a_deployed_lock_stays(loaded):
    lock = deployed(loaded, "tiny-1") / "requirements.lock"
    home = old_environment(environments.folder(lock))
    cleaned(loaded)
    assert home.exists()


def test_the_environment_that_a_supervised_process_was_started_in_stays_also_when_it_is_down(loaded):
    """It was made with an older legion-ci, so that no lock leads to it any more."""
    home = old_environment(cache_home() / "environments" / "of-an-older-version")
    process = Process(name="tiny-1", command=(str(home / "bin" / "python"), "-m", "legion_ci.serving"))
    records = Records(loaded.site.processes)
    records.ask(process)
    (records.folder / "actual").mkdir()
    records.save(Actual(process=process, phase=Phase.FAILED))
    cleaned(loaded)
    assert home.exists()
    records.drop("tiny-1")
    records.forget("tiny-1")
    cleaned(loaded)
    assert not home.exists()


def test_an_installed_package_stays_while_it_is_deployed(loaded):
    live = deployed(loaded, "tiny-1")
    left = loaded.site.deployments / "tiny-0"
    left.mkdir()
    told = cleaned(loaded)
    assert (live.exists(), left.exists()) == (True, False)
    assert "not deployed" in told


def day_of_feedback(loaded: Loaded, age_days: float, size: int = 10) -> Path:
    """An outcome told so long ago, of some size."""
    at = time.time() - age_days * 86400
    path = hour_file(loaded.site.feedback, OUTCOME, "tiny", "1", at, "w")
    told = Outcome(request_id="r", model_name="tiny", model_version="1", payload=os.urandom(size).hex(), time=at)
    LineFiles().append(path, [told.line()])
    return path.parent


def test_days_of_feedback_past_their_time_go_and_others_are_closed(loaded):
    old, past, today = (day_of_feedback(loaded, age) for age in (400, 3, 0))
    told = cleaned(loaded)
    assert (old.exists(), today.exists()) == (False, True)
    assert [p.suffix for p in past.iterdir()] == [".parquet"]
    assert [p.suffix for p in today.iterdir()] == [".jsonl"]
    assert f"closed {past} (1 events" in told
    assert f"removed {old}" in told


def test_the_oldest_days_go_when_all_are_too_large(loaded):
    file = loaded.folder / "legion.yaml"
    days = [day_of_feedback(loaded, age, size=20_000) for age in (4, 3, 2, 0)]
    cleaned(loaded)
    *past, today = (sum(p.stat().st_size for p in d.iterdir()) for d in days)
    file.write_text(file.read_text() + f"feedback: {{retain_bytes: {(today + past[-1] * 3 // 2) / 1000}kB}}\n")
    told = "\n".join(clean.clean(load(file, environment={}), dry_run=False))
    assert [d.exists() for d in days] == [False, False, True, True]
    assert "of feedback are more than " in told


def test_what_a_running_experiment_reads_stays(loaded):
    days = [day_of_feedback(loaded, age) for age in (500, 450)]
    running = Experiment(experiment="x", deployment="b", champion="a", started=time.time() - 470 * 86400)
    state.save(loaded.site, running)
    cleaned(loaded)
    assert [d.exists() for d in days] == [False, True]
    state.save(loaded.site, running.but(ended="failed"))
    cleaned(loaded)
    assert [d.exists() for d in days] == [False, False]


def test_a_dry_run_closes_and_removes_no_feedback(loaded):
    days = [day_of_feedback(loaded, age) for age in (400, 3)]
    before = sorted(p for d in days for p in d.iterdir())
    told = cleaned(loaded, dry_run=True)
    assert sorted(p for d in days for p in d.iterdir()) == before
    assert f"would close {days[1]}" in told
    assert f"would remove {days[0]}" in told


def test_a_dry_run_names_the_same_things_and_removes_none(loaded):
    made = finished_runs(loaded, 3)
    home = old_environment(cache_home() / "environments" / "old")
    (home / "big").write_bytes(b"x" * 3_000_000)
    before = sorted(loaded.folder.parent.rglob("*"))
    told = cleaned(loaded, dry_run=True)
    assert sorted(loaded.folder.parent.rglob("*")) == before
    assert f"would remove {made[0]}" in told
    assert told.splitlines()[-1] == "3.0 MB would be freed"
    real = cleaned(loaded)
    assert real == told.replace("would remove", "removed").replace("would be", "are")
    assert not home.exists()


def test_with_nothing_there_nothing_is_said_to_go(loaded):
    assert cleaned(loaded) == "0.0 MB are freed"
