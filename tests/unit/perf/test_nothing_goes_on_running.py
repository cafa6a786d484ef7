import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from perf_servers import serving

SUPPORT = Path(__file__).parents[2] / "support"
PARENT = """
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from perf_runs import perf
perf(pathlib.Path(sys.argv[2]), sys.argv[3], rate=50, duration=60, warmup=1)
"""


def wait_for(condition, what, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_the_generator_ends_with_whoever_asked_for_the_load(tmp_path, sign):
    with serving() as server:
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, SUPPORT, tmp_path, server.url], stderr=subprocess.DEVNULL
        )
        try:
            wait_for(lambda: server.asked.invoked > 5, "no load came")
            generators = psutil.Process(parent.pid).children(recursive=True)
            assert generators
            os.kill(parent.pid, sign)
            parent.wait(30)
            wait_for(
                lambda: not any(g.is_running() and g.status() != psutil.STATUS_ZOMBIE for g in generators),
                "still running",
            )
        finally:
            parent.kill()
            parent.wait(10)
    assert parent.returncode != 0
