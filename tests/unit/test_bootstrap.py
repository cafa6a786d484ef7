"""bootstrap.sh, really run with a tiny wheel: what an agent does first."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "resources/org/legion/ci/bootstrap.sh"
VERSION = SCRIPT.with_name("version").read_text().strip()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="a POSIX shell script")]


def write_wheel(folder: Path, *, version: str = VERSION, says: str = "tiny") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    info = f"legion_ci-{version}.dist-info"
    files = {
        "legion_ci/__init__.py": f"def main(): print({says!r})\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: legion-ci\nVersion: {version}\nProvides-Extra: all\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nlegion-ci = legion_ci:main\n",
    }
    path = folder / f"legion_ci-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{n},,\n" for n in [*files, f"{info}/RECORD"]))
    return path


class Agent:
    """A machine with a cache of its own and a folder that holds the wheel."""

    def __init__(self, folder: Path) -> None:
        self.wheels = folder / "wheels of ours"
        self.cache = folder / "cache of ours"
        self.environment = {
            **os.environ,
            "LEGION_CACHE": str(self.cache),
            "LEGION_DISTRIBUTION": f"path:{self.wheels}",
            "LEGION_PYTHON": sys.executable,
        }
        write_wheel(self.wheels)

    def start(self, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["sh", str(SCRIPT), VERSION], env={**self.environment, **more}, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, **more: str) -> tuple[int, str, str]:
        process = self.start(**more)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def bin(self, **more: str) -> Path:
        code, out, err = self.run(**more)
        assert code == 0, err
        return Path(out.splitlines()[-1])


@pytest.fixture
def agent(tmp_path):
    return Agent(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """An agent that several tests use: making an environment takes seconds."""
    return Agent(tmp_path_factory.mktemp("agent"))


def says(folder: Path) -> str:
    return subprocess.run([folder / "legion-ci"], capture_output=True, text=True).stdout.strip()


def test_it_is_installed_once_and_then_reused_in_silence(shared):
    folder = shared.bin()
    assert says(folder) == "tiny"
    assert shared.run() == (0, f"{folder}\n", "")
    wheel = next(shared.wheels.glob("*.whl"))
    assert shared.run(LEGION_DISTRIBUTION=f"path:{wheel}") == (0, f"{folder}\n", "")


def test_what_was_left_half_made_is_made_again(shared):
    folder = shared.bin()
    (folder.parent / "complete").unlink()
    (folder / "legion-ci").unlink()
    assert shared.bin() == folder
    assert says(folder) == "tiny"


def test_an_environment_whose_python_has_gone_is_made_again(shared):
    folder = shared.bin()
    for link in folder.glob("python*"):
        link.unlink()
    assert shared.bin() == folder
    assert says(folder) == "tiny"


def test_another_wheel_of_the_same_version_is_another_environment(shared):
    before = shared.bin()
    write_wheel(shared.wheels, says="changed")
    after = shared.bin()
    write_wheel(shared.wheels)
    assert (says(before), says(after)) == ("tiny", "changed")


def test_after_one_that_was_killed_two_at_once_make_one_environment(agent):
    killed = agent.start()
    while not list(agent.cache.glob("agents/*/pyvenv.cfg")):
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    first, second = agent.start(), agent.start()
    told = [p.communicate(timeout=120) for p in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), told
    assert told[0][0] == told[1][0]
    assert sum("setting up legion-ci" in err for _, err in told) == 1
    assert says(Path(told[0][0].strip())) == "tiny"


def test_a_folder_of_links_will_do(shared):
    assert says(shared.bin(LEGION_DISTRIBUTION=f"find-links:{shared.wheels}", PIP_NO_INDEX="1")) == "tiny"


def test_the_index_is_the_one_that_pip_is_told(shared, tmp_path):
    write_wheel(tmp_path / "simple" / "legion-ci", says="from the index")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        index = f"http://127.0.0.1:{server.server_port}/simple"
        folder = shared.bin(
            LEGION_DISTRIBUTION="index", PIP_INDEX_URL=index, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1"
        )
        server.shutdown()
    assert says(folder) == "from the index"


def test_what_pip_cannot_install_is_told(shared, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, err = shared.run(LEGION_DISTRIBUTION=f"find-links:{tmp_path / 'empty'}", PIP_NO_INDEX="1")
    assert (code, out) == (5, "")
    assert f"legion-ci {VERSION} could not be installed from find-links:" in err


def test_a_wheel_of_another_version_is_refused(shared, tmp_path):
    wheel = write_wheel(tmp_path / "others", version="9.9")
    code, _, err = shared.run(LEGION_DISTRIBUTION=f"path:{wheel}")
    assert code == 4
    assert f"holds legion-ci 9.9, and this shared library needs {VERSION}" in err


def test_an_old_python_is_not_taken(agent, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("dirname", "mkdir", "rm"):
        (tools / tool).symlink_to(shutil.which(tool))
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")  # what an older one answers
    (tools / "python3").chmod(0o755)
    sh = shutil.which("sh")
    done = subprocess.run(
        [sh, str(SCRIPT), VERSION], env={"PATH": str(tools), "HOME": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 4
    assert "Python 3.11 or newer is needed on this agent (looked for python3.14 " in done.stderr


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        ({"LEGION_PYTHON": "python-that-is-not-there"}, 4, "(looked for python-that-is-not-there)"),
        ({"LEGION_DISTRIBUTION": "path:/no/such/place"}, 2, "there is no /no/such/place"),
        ({"LEGION_DISTRIBUTION": "find-links:/no/such/place"}, 2, "there is no folder /no/such/place"),
        (
            {"LEGION_DISTRIBUTION": "somewhere"},
            2,
            "path:FOLDER_OR_WHEEL or environment:FOLDER (found somewhere)",
        ),
    ],
)
def test_a_setting_that_is_wrong_is_told(shared, more, code, message):
    found, out, err = shared.run(**more)
    assert (found, out) == (code, "")
    assert message in err


def test_a_ready_environment_is_taken_as_it_is(agent):
    code, out, _ = agent.run()
    made = Path(out.strip().splitlines()[-1]).parent
    assert code == 0
    assert agent.run(LEGION_DISTRIBUTION=f"environment:{made}", LEGION_CACHE="/nonexistent")[:2] == (0, f"{made}/bin\n")
    code, _, err = agent.run(LEGION_DISTRIBUTION="environment:/nonexistent")
    assert (code, "no environment with legion-ci in it" in err) == (2, True)


def test_a_ready_environment_of_another_version_is_refused(agent):
    _, out, _ = agent.run()
    made = Path(out.strip().splitlines()[-1]).parent
    for metadata in made.rglob("legion_ci-*.dist-info/METADATA"):
        metadata.write_text(metadata.read_text().replace(f"Version: {VERSION}", "Version: 9.9"))
    code, _, err = agent.run(LEGION_DISTRIBUTION=f"environment:{made}")
    assert (code, "holds legion-ci 9.9" in err) == (4, True)
