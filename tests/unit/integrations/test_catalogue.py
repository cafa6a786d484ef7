"""What is installed, and a stranger's plug-in package that is installed for real and put through the contract."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError
from legion_ci.core.tools import Tools
from legion_ci.integrations import catalogue, stage
from legion_ci.testing.sources import SourceContract

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "legion-fibonacci"
version = "0.3"
[project.entry-points."legion_ci.data_sources"]
fibonacci = "legion_fibonacci:FibonacciSource"
broken = "legion_fibonacci.nowhere:Nothing"
"""
PLUGIN = '''
"""Data source: the rows of a file, and nothing else."""

from pathlib import Path

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import digest_file
from legion_ci.settings.schema import DataSettings


class FibonacciSettings(DataSettings):
    """path: a Feather file. least: an example of an option."""

    path: str
    least: int = 0


class FibonacciSource:
    """``use: fibonacci``."""

    Settings = FibonacciSettings

    def __init__(self, name, settings, folder):
        self.where, self.path = f"data.{name}", folder / settings.path

    def digest(self):
        if not self.path.is_file():
            raise ConfigurationError("there is no such file", where=self.where)
        return digest_file(self.path)

    def table(self):
        import pyarrow.feather
        self.digest()
        try:
            return pyarrow.feather.read_table(self.path)
        except pyarrow.ArrowInvalid as error:
            raise ConfigurationError(f"is no Feather file ({error})", where=self.where) from error
'''
TESTS = """
import pyarrow as pa, pyarrow.feather
from legion_ci.testing.sources import SourceContract

class TestFibonacci(SourceContract):
    use = "fibonacci"
    settings = {"path": "rows.feather"}

    def write(self, folder, rows):
        pyarrow.feather.write_feather(pa.table(rows), str(folder / "rows.feather"))
"""


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    """A folder into which the package was installed, for PYTHONPATH."""
    home = tmp_path_factory.mktemp("stranger")
    (home / "legion_fibonacci").mkdir()
    (home / "legion_fibonacci" / "__init__.py").write_text(PLUGIN)
    (home / "pyproject.toml").write_text(PYPROJECT)
    (home / "test_fibonacci.py").write_text(TESTS)
    command = [
        "-m",
        "uv",
        "pip",
        "install",
        "--no-deps",
        "--no-build-isolation",
        "--offline",
        "--target",
        home / "site",
        home,
    ]
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return home


def run(strangers, *words, code=0):
    environment = {**os.environ, "PYTHONPATH": str(strangers / "site")}
    done = subprocess.run(
        [sys.executable, *words], env=environment, cwd=strangers, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_an_installed_package_is_listed_with_where_it_is_from_and_a_broken_one_hides_no_other(strangers):
    legion = str(Path(sys.executable).with_name("legion-ci"))
    told = {
        i["name"]: i for i in json.loads(run(strangers, legion, "integrations", "--group", "data_sources", "--json"))
    }
    assert told["fibonacci"]["distribution"] == "legion-fibonacci 0.3"
    assert told["fibonacci"]["schema"]["properties"]["least"]["type"] == "integer"
    assert "not installed" in told["broken"]["problem"] or "legion_fibonacci.nowhere" in told["broken"]["problem"]
    assert {"parquet", "sql"} <= set(told)
    assert "BROKEN" in run(strangers, legion, "integrations")


def test_its_author_runs_the_contract_on_it(strangers):
    told = run(strangers, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_fibonacci.py")
    assert f"{sum(n.startswith('test_') for n in dir(SourceContract))} passed" in told


def test_all_built_in_plug_ins_are_listed_with_settings_and_none_is_broken():
    found = [i for i in catalogue.installed() if i.distribution.startswith("legion-ci ")]
    assert [i.problem for i in found if i.problem] == []
    assert {i.group for i in found} == set(plugins.GROUPS)
    assert all(i.about and i.settings and i.schema["type"] == "object" for i in found)


def test_one_plug_in_is_shown_with_its_options(capsys):
    assert stage.show(Tools(), name="csv", group="data_sources", json=False) == 0
    told = capsys.readouterr().out
    assert "path         string, required" in told
    assert "decimal      ., ,, default '.'" in told


@pytest.mark.parametrize(("name", "group", "said"), [
    ("parket", "", "--name: there is no plug-in 'parket'; did you mean parquet?"),
    ("", "sources", "--group: there is no group 'sources'; there are trainers, packagers"),
])  # fmt: skip
def test_an_unknown_name_or_group_is_told(name, group, said):
    with pytest.raises(ConfigurationError) as caught:
        stage.show(Tools(), name=name, group=group, json=False)
    assert said in str(caught.value)
