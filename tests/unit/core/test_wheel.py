import subprocess
import sys
import zipfile

from legion_ci.core import wheel


def test_the_repacked_wheel_has_the_same_bytes_each_time_and_an_honest_record(tmp_path):
    first = wheel.write(tmp_path / "a").read_bytes()
    assert wheel.write(tmp_path / "b").read_bytes() == first
    with zipfile.ZipFile(tmp_path / "a" / wheel.name()) as archive:
        record = archive.read(next(n for n in archive.namelist() if n.endswith("RECORD"))).decode().splitlines()
        assert {line.split(",")[0] for line in record} == set(archive.namelist())
        assert not [n for n in archive.namelist() if n.endswith(".pyc") or "__pycache__" in n]


def test_pip_installs_the_repacked_wheel_and_its_entry_points_work(tmp_path):
    made = wheel.write(tmp_path)
    subprocess.run(
        [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path / "t", made],
        check=True,
    )
    code = "import legion_ci, importlib.metadata as m; print(legion_ci.__file__, len(m.distribution('legion-ci').entry_points))"
    out = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "t")},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert str(tmp_path / "t") in out
    assert int(out.split()[-1]) >= 7
