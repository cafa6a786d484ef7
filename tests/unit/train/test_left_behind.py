"""What programs are given and what they leave: a leash, words of a command line, a master that is not there."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legion_ci.core.errors import ConfigurationError, ServiceError
from legion_ci.train import existing, leash, script_worker
from legion_ci.train.spark import reach

# A program that starts another in a session of its own, says both ids, and never ends.
FAMILY = """
import os, subprocess, sys, time
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
print(os.getpid(), other.pid, flush=True)
time.sleep(3600)
"""
# The same, but the first ends at once and leaves the second behind.
ORPHAN = """
import os, subprocess, sys
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
print(os.getpid(), other.pid, flush=True)
os._exit(0)
"""
HOLDER = """
import subprocess, sys
from legion_ci.train import leash
child = subprocess.Popen(list(map(str, leash.words([sys.executable, "-c", sys.argv[1]]))), start_new_session=True)
print(child.pid, flush=True)
sys.exit(child.wait())
"""


def gone(pid: int) -> bool:
    """Whether a process has ended (or is but waited for), looked at until it has."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def held(program: str) -> tuple[subprocess.Popen[str], list[int]]:
    """A holder with a program on its leash; the ids of leash, program and what it started."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, program], stdout=subprocess.PIPE, text=True)
    lines = [process.stdout.readline(), process.stdout.readline()]
    return process, [int(n) for line in lines for n in line.split()]


class TestALeash:
    @pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
    def test_ends_everything_below_it_when_its_holder_is_killed(self, sign):
        process, pids = held(FAMILY)
        process.send_signal(sign)
        process.wait(60)
        assert all(gone(pid) for pid in pids)

    def test_ends_everything_below_it_when_it_is_told_to(self):
        process, pids = held(FAMILY)
        os.kill(pids[0], signal.SIGTERM)
        assert process.wait(60) == leash.TAKEN_DOWN
        assert all(gone(pid) for pid in pids)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans a new parent of our choice")
    def test_ends_what_a_program_left_behind(self):
        process, pids = held(ORPHAN)
        assert process.wait(60) == 0
        assert all(gone(pid) for pid in pids)

    @pytest.mark.parametrize(
        ("program", "status"),
        [("import sys; sys.exit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137), ("pass", 0)],
    )
    def test_passes_the_programs_status_on(self, program, status):
        words = leash.words([sys.executable, "-c", program])
        assert subprocess.run(list(map(str, words))).returncode == status

    def test_says_when_a_program_is_not_there(self):
        done = subprocess.run(list(map(str, leash.words(["/nowhere/at-all"]))), capture_output=True, text=True)
        assert done.returncode == 127
        assert "/nowhere/at-all cannot be started" in done.stderr


class TestArgumentsOfAScript:
    def test_switches_lists_and_nothing(self):
        given = {"C": 0.5, "fast": True, "slow": False, "seed": None, "layers": [3, 2], "name": "a b"}
        assert script_worker.arguments(given) == ["--C", "0.5", "--fast", "--layers", "3", "2", "--name", "a b"]

    @settings(deadline=None)
    @given(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.integers() | st.floats(allow_nan=False)))
    def test_numbers_come_back_as_they_were(self, parameters):
        words = script_worker.arguments(parameters)
        read = {words[i][2:]: words[i + 1] for i in range(0, len(words), 2)}
        assert {k: type(parameters[k])(v) for k, v in read.items()} == parameters


class TestASparkMaster:
    @pytest.mark.parametrize("master", ["local", "local[2]", "local[*]", "local[*, 3]"])
    def test_in_this_process_needs_nobody(self, master):
        reach(master, 0.1)

    @pytest.mark.parametrize("scheme", ["spark://", "k8s://", "k8s://https://"])
    def test_that_is_there_is_found_and_one_that_is_not_is_told(self, scheme):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            reach(f"{scheme}127.0.0.1:{port}", 30)
            reach(f"spark://127.0.0.1:{port},127.0.0.1:1", 30)
        with pytest.raises(ServiceError, match="the Spark master cannot be reached"):
            reach(f"{scheme}127.0.0.1:{port}", 30)

    def test_that_never_answers_is_given_up(self):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as waiting:
            for _ in range(8):  # more than the server lets wait: further ones get no answer at all
                one = waiting.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            with pytest.raises(ServiceError, match="timed out"):
                reach(f"spark://127.0.0.1:{full.getsockname()[1]}", 0.3)

    @pytest.mark.parametrize("master", ["spark://host", "mesos://a:1", "local[x]", "spark:/a:1", ""])
    def test_that_is_none_is_refused(self, master):
        with pytest.raises(ConfigurationError, match="is no Spark master"):
            reach(master, 1)

    def test_yarn_has_to_be_configured(self, monkeypatch):
        monkeypatch.delenv("HADOOP_CONF_DIR", raising=False)
        monkeypatch.delenv("YARN_CONF_DIR", raising=False)
        with pytest.raises(ConfigurationError, match="YARN is not configured"):
            reach("yarn", 1)


class TestNamesOfExistingModels:
    @pytest.mark.parametrize("model", ["models:/a/3", "models:/a/3/sub", "models:/m-0b7e5e63", "runs:/1/model", "made"])
    def test_that_never_change_are_taken(self, model):
        existing._fixed(model)

    @pytest.mark.parametrize("model", ["models:/a@champion", "models:/a/latest", "models:/a/Production", "models:/a"])
    def test_that_move_are_refused(self, model):
        with pytest.raises(ConfigurationError, match="does not say which version"):
            existing._fixed(model)
