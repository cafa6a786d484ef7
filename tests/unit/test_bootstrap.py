"""bootstrap.sh, really run: what an agent does first."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "resources/org/legion/ci/bootstrap.sh"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="a POSIX shell script")


@pytest.fixture
def agent(tmp_path):
    """A folder of wheels with a tiny legion-ci, and a way to run the script there."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "legion_ci-0.1.0-py3-none-any.whl", "w") as wheel:
        info = "legion_ci-0.1.0.dist-info"
        files = {
            "legion_ci/__init__.py": "def main(): print('tiny')\n",
            f"{info}/METADATA": "Metadata-Version: 2.1\nName: legion-ci\nVersion: 0.1.0\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/entry_points.txt": "[console_scripts]\nlegion-ci = legion_ci:main\n",
        }
        for name, text in files.items():
            wheel.writestr(name, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{n},,\n" for n in [*files, f"{info}/RECORD"]))

    def start(**more):
        env = {**os.environ, "LEGION_CACHE": str(tmp_path / "cache"), "LEGION_DISTRIBUTION": f"path:{wheels}", "LEGION_EXTRAS": "", "LEGION_PYTHON": sys.executable, **more}
        return subprocess.Popen(["sh", str(SCRIPT), "0.1.0"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(**more):
        process = start(**more)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    run.start = start
    return run


def test_it_installs_once_and_is_reused(agent):
    code, out, err = agent()
    assert code == 0, err
    program = Path(out.splitlines()[-1]) / "legion-ci"
    assert subprocess.run([program], capture_output=True, text=True).stdout == "tiny\n"
    assert "installing" in err
    assert agent() == (0, out, "")


def test_what_was_left_half_made_is_made_again(agent):
    home = Path(agent()[1].splitlines()[-1]).parent
    (home / "complete").unlink()
    (home / "bin" / "legion-ci").unlink()
    code, out, _ = agent()
    assert code == 0
    assert (Path(out.splitlines()[-1]) / "legion-ci").is_file()


def test_a_lock_of_a_dead_set_up_is_taken_over(agent):
    home = Path(agent()[1].splitlines()[-1]).parent
    (home / "complete").unlink()
    lock = home.with_name(home.name + ".lock")
    lock.mkdir()
    dead = subprocess.Popen(["true"])
    dead.wait()
    (lock / "pid").write_text(str(dead.pid))
    code, _, err = agent()
    assert code == 0
    assert "taking over" in err


def test_two_at_once_install_once(agent):
    first, second = agent.start(), agent.start()
    outputs = [p.communicate(timeout=120) for p in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), outputs
    assert outputs[0][0] == outputs[1][0]
    assert sum("installing" in err for _, err in outputs) == 1


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        ({"LEGION_PYTHON": "python-that-is-not-there"}, 4, "Python 3.11 or newer is needed"),
        ({"LEGION_DISTRIBUTION": "path:/no/such/place"}, 2, "there is no /no/such/place"),
        ({"LEGION_DISTRIBUTION": "somewhere"}, 2, "is index, find-links:FOLDER or path:FOLDER_OR_WHEEL (found somewhere)"),
    ],
)
def test_what_is_wrong_is_told(agent, more, code, message):
    found, _, err = agent(**more)
    assert found == code, err
    assert message in err
