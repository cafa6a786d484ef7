"""A load test that could never pass is said before anything is trained."""

import subprocess
import sys
from pathlib import Path

import pytest

LEGION = str(Path(sys.executable).with_name("legion-ci"))
SETTINGS = """
model: {name: wine}
data: {train: {use: parquet, path: nowhere.parquet, target: y}}
train: {use: function, entrypoint: "model:train"}
perf: {rate: 200, duration: 15s, budgets: ["errors < 0.1%"]}
"""


@pytest.mark.parametrize("task", ["plan", "pipeline"])
def test_a_plan_that_cannot_pass_is_refused_at_the_start_with_the_shortest_duration(tmp_path, task):
    (tmp_path / "legion.yaml").write_text(SETTINGS)
    done = subprocess.run([LEGION, task], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stdout + done.stderr
    assert (
        "cannot show 'errors < 0.1%', not even without a fault; the shortest perf.duration that could is" in done.stderr
    )
    assert not (tmp_path / ".legion").exists()
    assert ("perf.rate" in done.stdout) == (task == "plan")
