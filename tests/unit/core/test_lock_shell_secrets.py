import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from legion_ci.core.errors import OrderError, PluginError, ToolError
from legion_ci.core.lock import left_by_dead, locked
from legion_ci.core.secrets import Secrets
from legion_ci.core.shell import Shell


def test_a_second_holder_is_told_who_the_first_is(tmp_path):
    with (
        locked(tmp_path / "l"),
        pytest.raises(OrderError, match=f"the run is in use by process {os.getpid()} on"),
        locked(tmp_path / "l", wait=False, what="the run"),
    ):
        pass


def test_a_killed_holder_frees_the_lock_and_leaves_its_name(tmp_path):
    path = tmp_path / "l"
    code = f"from pathlib import Path; import time\nfrom legion_ci.core.lock import locked\nwith locked(Path({str(path)!r})): print('held', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert f"process {child.pid} on" in left_by_dead(path)
    with locked(path, wait=False):
        pass
    assert left_by_dead(path) == ""


def test_a_failing_program_is_told_with_status_last_lines_and_no_secret():
    shell = Shell(Secrets(known={"hunter22"}))
    with pytest.raises(ToolError) as caught:
        shell.run([sys.executable, "-c", "print('token hunter22 at https://me:pw1@host/x'); raise SystemExit(7)"])
    assert "ended with status 7" in str(caught.value)
    assert "hunter22" not in str(caught.value)
    assert "pw1" not in str(caught.value)


def test_a_missing_program_is_a_plugin_error():
    with pytest.raises(PluginError, match="no-such-program is not there"):
        Shell().run(["no-such-program"])


def test_a_time_out_ends_the_whole_process_group(tmp_path):
    mark = tmp_path / "pid"
    code = f"import subprocess,sys,time\np=subprocess.Popen([sys.executable,'-c','import time; time.sleep(99)'])\nopen({str(mark)!r},'w').write(str(p.pid))\ntime.sleep(99)"
    with pytest.raises(ToolError, match="did not end within"):
        Shell().run([sys.executable, "-c", code], timeout_s=1.5)
    grandchild = int(mark.read_text())
    for _ in range(100):
        if not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    pytest.fail("the grandchild goes on running")


def test_a_holder_that_ends_with_an_error_leaves_no_name(tmp_path):
    path = tmp_path / "l"
    with pytest.raises(ZeroDivisionError), locked(path):
        1 / 0  # noqa: B018 - the holder's own error
    assert left_by_dead(path) == ""


def test_a_lock_that_cannot_be_written_is_told_with_its_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolError, match="file/l: cannot be written"), locked(tmp_path / "file" / "l"):
        pass
