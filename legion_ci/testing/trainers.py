"""What every trainer must do: subclass ``TrainerContract`` in a test module of yours."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from legion_ci.core import plugins
from legion_ci.core.errors import LegionError
from legion_ci.core.progress import Progress
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.data.files import FileSettings
from legion_ci.settings.schema import TrainSettings
from legion_ci.train.protocol import Trainer, TrainJob

HEAVY = "{'mlflow', 'pandas', 'sklearn', 'numpy', 'pyarrow', 'duckdb'}"


def answers(job: TrainJob, flavor: str) -> list[Any]:
    """What the model answers to two rows, one on each side, by the server's batch prediction in a process of its own."""
    import pyarrow as pa

    from legion_ci.store import manifest
    from legion_ci.train import artefact

    artefact.provisional(job.model_dir.parent, job, flavor)
    rows = pa.table({"a": [-3.0, 3.0], "b": [0.0, 0.0]})
    manifest.write_sample(job.model_dir, "head_input", rows)
    told, said = job.scratch / "rows.arrow", job.scratch / "answers.arrow"
    with pa.OSFile(str(told), "wb") as out, pa.ipc.new_file(out, rows.schema) as writer:
        writer.write_table(rows)
    words: list[str | Path] = ["--model", job.model_dir.parent, "--input", told, "--output", said]
    subprocess.run([sys.executable, "-m", "legion_ci.serving.predict", *words], check=True)
    with pa.OSFile(str(said)) as file:
        return list(pa.ipc.open_file(file).read_all().column("prediction").to_pylist())


@cache
def mlflow_store(folder: Path) -> Any:
    """One for all tests: a new database takes seconds."""
    from legion_ci.store.mlflow import Store

    return Store.open(Site(folder / "site", "tiny"), None, None)


class TrainerContract:
    """A subclass names the plug-in, writes a repository for it and says what in it is code and what breaks it."""

    use: str
    settings: ClassVar[dict[str, Any]]
    code_file: str
    broken: ClassVar[dict[str, Any]]

    def write(self, folder: Path) -> None:
        raise NotImplementedError

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "model"
        self.write(folder)
        return folder

    def plugin(self) -> Trainer:
        made: Trainer = plugins.load("trainers", self.use)()
        return made

    def stated(self, **more: Any) -> TrainSettings:
        settings: TrainSettings = self.plugin().Settings(use=self.use, **{**self.settings, **more})
        return settings

    def job(self, folder: Path, tmp_path: Path, **more: Any) -> TrainJob:
        store = mlflow_store(tmp_path.parent)
        artefact, scratch = tmp_path / "artefact", tmp_path / "scratch"
        for made in (artefact, scratch):
            made.mkdir()
        has_data = (folder / "data" / "train.parquet").is_file()
        data = {"train": FileSettings(path="data/train.parquet", target="y")} if has_data else {}
        tools, run_id = Tools(progress=Progress(quiet=True)), store.start_run("contract", {})
        return TrainJob(self.stated(**more), data, folder, artefact / "legion_model", scratch, store.uri, run_id, tools)

    def test_its_settings_extend_the_section(self) -> None:
        assert issubclass(self.plugin().Settings, TrainSettings)

    def test_loading_it_imports_nothing_heavy(self) -> None:
        code = f"from legion_ci.core import plugins; plugins.load('trainers', {self.use!r})()\nimport sys; print({HEAVY} & set(sys.modules))"
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert told.strip() == "set()"

    def test_its_code_is_files_of_the_repository_in_order_without_tests_and_hidden_folders(self, folder: Path) -> None:
        for name in ("tests/test_x.py", ".legion/runs/x.py", "data/x.py", "__pycache__/x.py"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("")
        found = self.plugin().code(self.stated(), folder)
        names = [p.relative_to(folder).as_posix() for p in found]
        assert self.code_file in names
        assert names == sorted(names)
        assert all(p.is_file() for p in found)
        assert not [n for n in names if n.endswith("/x.py") or n.startswith("tests/")]

    def test_training_leaves_a_model_that_the_server_loads_and_says_its_flavour(
        self, folder: Path, tmp_path: Path
    ) -> None:
        job = self.job(folder, tmp_path)
        trained = self.plugin().train(job)
        assert trained.flavor in ("sklearn", "pyfunc", "gppi")
        assert (job.model_dir / "MLmodel").is_file() == (trained.flavor != "gppi")
        assert trained.parameters == {k: str(v) for k, v in job.settings.parameters.items()}
        assert all(isinstance(v, float) for v in trained.metrics.values())
        assert all((job.documents / name).is_file() for name in trained.documents)
        assert answers(job, trained.flavor) == [0, 1]

    def test_a_job_that_cannot_be_right_is_an_error_of_ours_and_leaves_no_model(
        self, folder: Path, tmp_path: Path
    ) -> None:
        job = self.job(folder, tmp_path, **self.broken)
        with pytest.raises(LegionError) as caught:
            self.plugin().train(job)
        assert caught.value.exit_code in (2, 5, 6)
        assert not job.model_dir.exists()

    def test_stopped_in_the_middle_it_leaves_no_model_and_no_process(self, folder: Path, tmp_path: Path) -> None:
        slow = self.slow(folder)
        if slow is None:
            pytest.skip("it starts nothing that could go on")  # its own test says so
        job = self.job(folder, tmp_path, timeout=3600.0, **slow)
        process = subprocess.Popen(
            [sys.executable, "-c", STOPPED, *stopped_arguments(self.use, job, slow, self.settings)]
        )
        children: list[psutil.Process] = []
        try:
            _wait(folder / "started", process)
            children = psutil.Process(process.pid).children(recursive=True)
            assert children
        finally:
            process.kill()
            process.wait(60)
        _, alive = psutil.wait_procs(children, timeout=60)
        assert not alive
        assert not job.model_dir.exists()

    def slow(self, folder: Path) -> dict[str, Any] | None:
        """Make the repository's training touch ``started`` and then take for ever; settings for it, None when it cannot."""
        return None


def _wait(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the file is there."""
    end = time.monotonic() + 120.0
    while not path.exists():
        assert process.poll() is None, f"training ended with status {process.returncode} before it began"
        assert time.monotonic() < end, "training did not begin"
        time.sleep(0.1)


STOPPED = """
import json, sys
from functools import cache
from pathlib import Path
from legion_ci.core import plugins
from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.data.files import FileSettings
from legion_ci.train.protocol import TrainJob

use, settings, folder, model_dir, scratch, uri, run_id = sys.argv[1:]
trainer = plugins.load("trainers", use)()
data = {"train": FileSettings(path="data/train.parquet", target="y")} if trainer.needs_data else {}
stated = trainer.Settings.model_validate({"use": use, **json.loads(settings)}, strict=False)
trainer.train(TrainJob(stated, data, Path(folder), Path(model_dir), Path(scratch), uri, run_id, Tools(progress=Progress(quiet=True))))
"""


def stopped_arguments(use: str, job: TrainJob, slow: dict[str, Any], settings: dict[str, Any]) -> list[str]:
    stated = json.dumps({**settings, **slow})
    return [use, stated, *map(str, (job.folder, job.model_dir, job.scratch, job.tracking_uri, job.run_id))]
