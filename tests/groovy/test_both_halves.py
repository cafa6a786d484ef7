"""The shared library's `sh` steps, really run against the wine example: the Groovy half and the Python half fit."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

import model_repository
import pytest
from groovy_library import TARGET, maven
from ports import free_port

pytestmark = [pytest.mark.groovy, pytest.mark.slow, pytest.mark.timeout(3000)]  # five builds, on a busy machine too
ENVIRONMENT = Path(sys.executable).parents[1]


@pytest.fixture
def tracking(tmp_path):
    """An MLflow tracking server that also keeps the artefacts."""
    port = free_port()
    words = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--serve-artifacts"]
    stores = [
        "--backend-store-uri",
        f"sqlite:///{tmp_path}/t.db",
        "--artifacts-destination",
        str(tmp_path / "artefacts"),
    ]
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(
            [ENVIRONMENT / "bin" / "mlflow", *words, *stores],
            cwd=tmp_path,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/health", process, tmp_path / "server.log")
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # all that it keeps is this test's
        process.wait()


def wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(log.read_text())


def run(test: str, root: Path, *more: str) -> None:
    """One test of BothHalves.groovy; it must have run."""
    cache = os.environ.get("LEGION_CACHE") or Path.home() / ".cache" / "legion"
    example = model_repository.copy("wine", root / "prepared").folder
    where = [
        f"-Dlegion.root={root}",
        f"-Dlegion.example={example}",
        f"-Dlegion.environment={ENVIRONMENT}",
        f"-Dlegion.cache={cache}",
    ]
    report = TARGET / "surefire-reports" / "TEST-org.legion.ci.BothHalves.xml"
    report.unlink(missing_ok=True)
    done = maven("test", f"-Dtest=BothHalves#{test}", *where, *more)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    suite = ElementTree.parse(report).getroot()
    assert (suite.get("tests"), suite.get("skipped")) == ("1", "0")


def test_a_first_model_goes_live_and_a_pull_request_a_timer_and_a_look_leave_the_held_second_alone(tmp_path):
    run("aFirstModelGoesLiveASecondIsHeldAndNeitherAPullRequestNorATimerNorALookDisturbsThem", tmp_path)


def test_two_agents_share_only_the_stash_and_the_tracking_server_and_a_failing_gate_is_red(tmp_path, tracking):
    run("trainingAndJudgingOnTwoAgentsShareOnlyTheStashAndTheTrackingServer", tmp_path, f"-Dlegion.tracking={tracking}")
