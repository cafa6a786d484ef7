"""What must stay cheap to import."""

import subprocess
import sys

HEAVY = {"psutil", "msgspec", "granian", "mlflow", "envoy", "yaml", "numpy", "http.client"}


def test_the_plug_in_brings_nothing_heavy_into_every_call():
    code = "import sys; import legion_ci.deploy.local; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()
