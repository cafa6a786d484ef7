"""Environment, logs, probes and identities, each by itself."""

import os
import socket
import subprocess
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.supervise import environment, identity, logs, probe
from legion_ci.supervise.process import Process

names = st.text(st.characters(categories=["Lu"]), min_size=1, max_size=12)


@given(st.dictionaries(names, st.text(max_size=5)))
def test_only_known_variables_are_passed_on_and_the_builds_cookie_never(environ):
    passed = environment.base({**environ, "PATH": "/bin", "JENKINS_NODE_COOKIE": "abc", "BUILD_ID": "7", "TOKEN": "t"})
    assert passed["PATH"] == "/bin"
    assert passed["JENKINS_NODE_COOKIE"] == passed["BUILD_ID"] == "dontKillMe"
    assert "TOKEN" not in passed
    assert "abc" not in passed.values()


def test_a_log_that_grew_too_large_is_put_aside_and_its_writer_goes_on_in_the_empty_file(tmp_path):
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(5):
            writer.write(f"round {number}\n".encode() * 20)
            assert logs.bound(log, max_bytes=100)
            assert log.stat().st_size == 0
        writer.write(b"after\n")
    assert log.read_text() == "after\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2"]
    assert logs.tail(tmp_path / "a.log.1") == ("round 4",) * 15
    assert not logs.bound(log, max_bytes=100)
    assert logs.tail(tmp_path / "nowhere") == ()


def test_a_probe_reaches_a_socket_file_however_long_its_path(tmp_path):
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    here = os.open(folder, os.O_RDONLY)
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"/proc/self/fd/{here}/s") if Path("/proc/self/fd").exists() else pytest.skip("needs /proc")
    server.listen()

    def answer() -> None:
        connection, _ = server.accept()
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    threading.Thread(target=answer, daemon=True).start()
    assert probe.fetch(probe.unix_url(folder / "s", "/ready")) == (200, b"hi")
    server.close()
    os.close(here)
    assert not probe.healthy(probe.unix_url(folder / "s", "/ready"))


def test_a_port_is_healthy_when_somebody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        assert probe.healthy(url)
    assert not probe.healthy(url)


def test_a_process_is_known_by_pid_start_and_boot():
    me = identity.of(os.getpid())
    assert identity.lives(me)
    for field, other in (("pid", 1), ("start", "1"), ("boot", "before")):
        assert not identity.lives(msgspec.structs.replace(me, **{field: other}))


def test_what_is_left_of_an_ended_process_does_not_live():
    with subprocess.Popen(["sleep", "300"]) as child:
        known = identity.of(child.pid)
        assert identity.lives(known)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not identity.lives(known)


def test_where_the_program_lies_is_no_reason_to_restart_it_but_everything_else_is():
    process = Process(name="a", command=("/one/python", "-m", "x"), env={"A": "1"}, cwd="/")
    same = msgspec.structs.replace(process, command=("/two/python", "-m", "x"), ready_timeout_s=1.0)
    assert same.fingerprint() == process.fingerprint()
    others = [{"command": ("/one/python", "-m", "y")}, {"env": {"A": "2"}}, {"cwd": "/tmp"}, {"health": "tcp://h:1"}]
    prints = {msgspec.structs.replace(process, **other).fingerprint() for other in others}
    assert len(prints | {process.fingerprint()}) == 5
