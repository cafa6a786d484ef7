"""``legion-ci serve`` as a user runs it: the folder, the curl line, reload, Ctrl-C, and what can be wrong."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import serving_artefacts
from serving_process import Server, free_port

Artefacts = Callable[[str], Path]
WINE = Path(__file__).parents[3] / "examples" / "wine"
PROGRAM = [str(Path(sys.executable).with_name("legion-ci")), "serve"]


def _wait_for(reached: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 120
    while not reached():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


def test_it_serves_a_folder_reloads_a_changed_one_and_ends_cleanly(tmp_path: Path) -> None:
    root = serving_artefacts.gppi(tmp_path / "artefact")
    port, log = free_port(), tmp_path / "serve.log"
    command = [*PROGRAM, "--model", str(root), "--port", str(port), "--reload"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=tmp_path, start_new_session=True)
    try:
        _wait_for(lambda: "curl -s" in log.read_text(), process, log)
        server = Server(process, port, log)
        [line] = [text for text in server.lines if text.startswith("curl")]
        assert subprocess.run(shlex.split(line), capture_output=True, timeout=60).stdout.startswith(b'{"openapi"')
        body = {"data": [[1, 2]]}
        assert server.post("/api/model/invoke", body).json["prediction"] == [[3, 1]]
        entrypoint = root / "legion_model" / "entrypoint.py"
        entrypoint.write_text(entrypoint.read_text().replace("row[0] + row[1]", "row[0] * 100"))
        _wait_for(lambda: log.read_text().count("curl -s") == 2, process, log)
        assert server.post("/api/model/invoke", body).json["prediction"] == [[100, 1]]
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
        assert "stopped" in server.lines
        with socket.socket() as trial:
            assert trial.connect_ex(("127.0.0.1", port)) != 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_a_port_in_use_a_wrong_port_and_no_model_are_said_with_their_exit_codes(
    artefacts: Artefacts, tmp_path: Path
) -> None:
    shutil.copy(WINE / "legion.yaml", tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        used = str(taken.getsockname()[1])
        cases = {
            ("--model", str(artefacts("gppi")), "--port", used): (2, f"--port: {used} cannot be listened on"),
            ("--model", str(artefacts("gppi")), "--port", "x"): (2, "--port: must be between 1 and 65535 (found 'x')"),
            ("--model", str(tmp_path), "--port", str(free_port())): (2, "is not a model artefact (no manifest)"),
            ("--port", str(free_port())): (3, "there is no trained model; run legion-ci train first"),
        }
        for options, (code, told) in cases.items():
            done = subprocess.run([*PROGRAM, *options], cwd=tmp_path, capture_output=True, text=True, timeout=120)
            assert (done.returncode, told in done.stderr) == (code, True), done.stderr
