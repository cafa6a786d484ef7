"""What must stay cheap to import."""

import subprocess
import sys

import pytest

HEAVY = {"docker", "psutil", "msgspec", "granian", "mlflow", "envoy", "yaml", "numpy", "http.client"}


@pytest.mark.parametrize("module", ["local", "docker.deployer"])
def test_the_plug_in_brings_nothing_heavy_into_every_call(module):
    code = f"import sys; import legion_ci.deploy.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()
