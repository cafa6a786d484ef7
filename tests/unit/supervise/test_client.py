"""Real processes under a real supervisor."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import psutil
import pytest
from deploy_site import alive, ask, eventually, free_port, kill, pid_of, running_site, server, supervisor_pid

from legion_ci.core.errors import ToolError
from legion_ci.supervise import client, identity
from legion_ci.supervise.process import Phase, Process
from legion_ci.supervise.records import Records


@pytest.fixture
def site(tmp_path):
    with running_site(tmp_path) as site:
        yield site


def test_a_process_runs_is_observed_and_is_removed(site):
    port = free_port()
    client.apply(site, {"a": server("a", port)})
    assert ask(f"http://127.0.0.1:{port}/x").told["deployment"] == "a"
    assert client.observe(site)["a"].phase is Phase.READY
    pid = pid_of(site, "a")
    client.remove(site, ["a"])
    assert not alive(pid)
    assert client.observe(site) == {}


def test_asking_again_for_the_same_leaves_it_alone_and_a_change_restarts_it(site):
    port = free_port()
    client.apply(site, {"a": server("a", port)})
    first = pid_of(site, "a")
    client.apply(site, {"a": server("a", port)})
    assert pid_of(site, "a") == first
    client.apply(site, {"a": server("a", port, "--other")})
    assert pid_of(site, "a") != first
    assert not alive(first)


def test_a_process_that_dies_is_started_again(site):
    client.apply(site, {"a": server("a", free_port())})
    first = pid_of(site, "a")
    kill(first)
    eventually(lambda: client.observe(site)["a"].phase is Phase.READY and pid_of(site, "a") != first)
    assert client.observe(site)["a"].restarts == 1


def test_a_process_that_keeps_dying_has_failed_and_its_last_lines_are_told(site):
    with pytest.raises(ToolError) as caught:
        client.apply(site, {"a": server("a", free_port(), "--broken"), "b": server("b", free_port())})
    assert "a is failed" in str(caught.value)
    assert "this model cannot be loaded: no such column" in str(caught.value)
    assert "ended with status 1" in str(caught.value)
    assert client.observe(site)["b"].phase is Phase.READY


def test_a_program_that_is_not_there_is_told(site):
    with pytest.raises(ToolError, match="could not be started"):
        client.apply(site, {"a": Process(name="a", command=("/nowhere/at/all",))})


def test_a_process_that_never_gets_ready_is_told(site):
    sleeper = Process(name="a", command=("sleep", "100"), health=f"tcp://127.0.0.1:{free_port()}", ready_timeout_s=0.2)
    with pytest.raises(ToolError, match=r"was not ready within 0\.2 s"):
        client.apply(site, {"a": sleeper})


def test_children_survive_the_supervisors_death_and_the_next_one_adopts_them(site):
    client.apply(site, {"a": server("a", free_port())})
    child, first = pid_of(site, "a"), supervisor_pid(site)
    kill(first)
    assert alive(child)
    assert client.observe(site)["a"].phase is Phase.READY
    client.ensure_running(site)
    assert supervisor_pid(site) != first
    client.apply(site, {"a": server("a", client_port(site))})
    assert pid_of(site, "a") == child
    kill(child)
    eventually(lambda: client.observe(site)["a"].phase is Phase.READY and pid_of(site, "a") != child)


def client_port(site) -> int:
    actual = Records(site.processes).actual("a")
    return int(actual.process.command[3])


def test_a_child_that_the_supervisor_had_no_time_to_write_down_is_adopted(site):
    client.apply(site, {"a": server("a", free_port())})
    child = pid_of(site, "a")
    kill(supervisor_pid(site))
    Records(site.processes).forget("a")
    client.apply(site, {"a": Records(site.processes).wanted("a").process})
    assert pid_of(site, "a") == child


def test_a_process_that_died_while_nobody_looked_is_gone_and_comes_back(site):
    client.apply(site, {"a": server("a", free_port())})
    kill(supervisor_pid(site))
    kill(pid_of(site, "a"))
    assert client.observe(site)["a"].phase is Phase.GONE
    client.ensure_running(site)
    eventually(lambda: client.observe(site)["a"].phase is Phase.READY)


@pytest.mark.parametrize("recorded", ["another boot", "another start"])
def test_another_programs_process_with_our_old_pid_is_never_touched(site, recorded):
    port = free_port()
    client.apply(site, {"a": server("a", port)})
    records = Records(site.processes)
    kill(supervisor_pid(site))
    kill(pid_of(site, "a"))
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as foreign:
        theirs = identity.of(foreign.pid)
        old = {"another boot": {"boot": "before"}, "another start": {"start": "1"}}[recorded]
        recycled = msgspec.structs.replace(theirs, **old)
        records.save(msgspec.structs.replace(records.actual("a"), identity=recycled, phase=Phase.READY))
        records.save_supervisor(recycled)
        client.apply(site, {"a": server("a", port)})
        client.remove(site, ["a"])
        client.stop_all(site)
        assert foreign.poll() is None
        foreign.kill()


def test_workers_of_a_killed_process_are_ended_before_it_is_started_again(site):
    parent = "import subprocess, time; subprocess.Popen(['sleep', '250']); time.sleep(250)"
    client.apply(site, {"a": Process(name="a", command=(sys.executable, "-c", parent))})
    eventually(lambda: psutil.Process(pid_of(site, "a")).children())
    worker = psutil.Process(pid_of(site, "a")).children()[0].pid
    kill(pid_of(site, "a"))
    eventually(lambda: not alive(worker))


def test_a_process_that_does_not_listen_to_term_is_killed_after_its_grace(site):
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(250)"
    )
    client.apply(site, {"a": Process(name="a", command=(sys.executable, "-c", deaf), stop_grace_s=0.3)})
    log = Records(site.processes).log("a")
    eventually(lambda: "deaf" in log.read_text())
    pid = pid_of(site, "a")
    client.remove(site, ["a"])
    assert not alive(pid)


def test_two_clients_at_once_both_get_what_they_want(site):
    errors = []

    def run(name: str) -> None:
        try:
            client.apply(site, {name: server(name, free_port())})
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert {n: a.phase for n, a in client.observe(site).items()} == dict.fromkeys("abc", Phase.READY)


def test_stop_all_ends_processes_and_supervisor(site):
    client.apply(site, {"a": server("a", free_port())})
    pids = pid_of(site, "a"), supervisor_pid(site)
    client.stop_all(site)
    assert not any(alive(pid) for pid in pids)
    assert client.observe(site) == {}


def test_children_get_no_secret_of_ours_and_no_descriptor(site, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    inherited = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(inherited, True)
    client.apply(site, {"a": server("a", free_port())})
    os.close(inherited)
    for pid in (pid_of(site, "a"), supervisor_pid(site)):
        environment = psutil.Process(pid).environ()
        assert "AWS_SECRET_ACCESS_KEY" not in environment
        assert environment["JENKINS_NODE_COOKIE"] == "dontKillMe"
        assert psutil.Process(pid).terminal() is None
    targets = {str(f.readlink()) for f in Path(f"/proc/{supervisor_pid(site)}/fd").iterdir() if f.exists()}
    outside = {t for t in targets if t.startswith("/") and not t.startswith(str(site.path.resolve()))}
    assert outside == {os.devnull}


JENKINS_STEP = """
import sys
from pathlib import Path
from deploy_site import server
from legion_ci.core.site import Site
from legion_ci.supervise import client
client.apply(Site(path=Path(sys.argv[1]), model="wine"), {"a": server("a", int(sys.argv[2]))})
print("applied", flush=True)
import time
time.sleep(300)
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="Jenkins' way of finding processes needs /proc")
def test_model_and_supervisor_outlive_a_jenkins_step_that_ends_all_with_its_cookie(site):
    environment = {
        **os.environ,
        "JENKINS_NODE_COOKIE": "abc",
        "BUILD_ID": "7",
        "PYTHONPATH": str(Path(__file__).parents[2] / "support"),
    }
    command = [sys.executable, "-c", JENKINS_STEP, str(site.path), str(free_port())]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as step:
        assert step.stdout.readline() == b"applied\n"
        ended = end_all_that_carry(b"JENKINS_NODE_COOKIE=abc")
        assert step.pid in ended
    assert alive(supervisor_pid(site))
    assert client.observe(site)["a"].phase is Phase.READY
    assert alive(pid_of(site, "a"))


def end_all_that_carry(cookie: bytes) -> list[int]:
    ended = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            carries = cookie in entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if carries:
            ended.append(int(entry.parent.name))
            os.kill(ended[-1], signal.SIGKILL)
    return ended
