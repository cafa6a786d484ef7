"""Descriptions of environments as pip's requirements: what each kind says, and what cannot be had is named at once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.train import mlproject
from legion_ci.train.described import conda
from legion_ci.train.described import read as described

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
TOOLS = Tools(progress=Progress(quiet=True))


def read(folder: Path, name: str, text: str, **others: str):
    for other, content in {name: text, **{k.replace("_", ".", 1): v for k, v in others.items()}}.items():
        (folder / other).write_text(content)
    return described.read(folder / name, TOOLS, folder)


CONDA = f"""
name: tiny
channels: [conda-forge, defaults]
dependencies:
  - python={MINOR}
  - pip
  - numpy=1.26
  - scipy=1.13.1=py311h64a7726_0
  - pandas>=2.2,<3
  - pytorch==2.4.0
  - conda-forge::polars
  - "pyarrow[version='>=17']"
  - "duckdb 1.2.0"
  - pip:
      - -r requirements.txt
      - lightgbm~=4.5
"""


class TestConda:
    def test_its_packages_and_its_pip_section_become_requirements(self, tmp_path):
        found = read(tmp_path, "conda.yaml", CONDA, requirements_txt="xgboost>=3 # trees\n# a comment\n")
        assert found.requirements == (
            "numpy==1.26.*", "scipy==1.13.1", "pandas>=2.2,<3", "torch==2.4.0", "polars", "pyarrow>=17", "duckdb==1.2.0",
            "xgboost>=3", "lightgbm~=4.5",
        )  # fmt: skip
        assert found.python == f"=={MINOR}.*"

    def test_people_are_told_which_packages_are_taken_from_pypi_instead(self, tmp_path):
        (note,) = read(tmp_path, "conda.yaml", CONDA, requirements_txt="xgboost").notes
        assert "taken from PyPI" in note
        assert "torch==2.4.0" in note
        assert "lightgbm" not in note

    def test_what_pypi_lacks_is_named_all_at_once_with_what_to_do(self, tmp_path):
        text = "name: x\ndependencies: [cudatoolkit=11.8, r-base, libgomp, numpy, openjdk=17, mine::tool, 'a=1|2']\n"
        with pytest.raises(ConfigurationError) as caught:
            read(tmp_path, "conda.yaml", text)
        told = [p.what for p in caught.value.problems]
        assert [w for w in ("cudatoolkit", "r-base", "libgomp", "openjdk", "mine::tool", "a=1|2") if any(w in t for t in told)] == [
            "cudatoolkit", "r-base", "libgomp", "openjdk", "mine::tool", "a=1|2",
        ]  # fmt: skip
        assert not any("numpy" in t for t in told)
        assert all(p.todo for p in caught.value.problems)

    def test_a_channel_of_ones_own_is_refused(self, tmp_path):
        with pytest.raises(ConfigurationError, match="the channel https://conda.example/team is not on PyPI's side"):
            read(tmp_path, "conda.yaml", "channels: [https://conda.example/team, conda-forge]\ndependencies: [numpy]\n")

    @settings(deadline=None)
    @given(
        name=st.from_regex(r"[a-z][a-z0-9]{2,8}x", fullmatch=True),
        version=st.lists(st.integers(0, 40), min_size=1, max_size=3).map(lambda v: ".".join(map(str, v))),
        form=st.sampled_from(["{n}", "{n}={v}", "{n}=={v}", "{n}>={v}", "{n}={v}=py311_0", "{n} {v}", "{n}={v}.*", "{n} >={v}"]),
    )  # fmt: skip
    def test_every_form_of_a_version_becomes_a_requirement_that_admits_it(self, name, version, form):
        if conda._NOT_PYTHON.match(name):
            return
        found = conda.read(Path("conda.yaml"), {"dependencies": [form.format(n=name, v=version)]})
        wanted = Requirement(found.requirements[0])
        assert wanted.name == name
        assert wanted.specifier.contains(version)


class TestPython:
    @pytest.mark.parametrize("asked", [MINOR, f"{MINOR}.0", f"{MINOR}.99"])
    def test_another_patch_release_of_this_python_will_do(self, tmp_path, asked):
        assert read(tmp_path, "python_env.yaml", f"python: '{asked}'\ndependencies: [numpy]\n").requirements == (
            "numpy",
        )

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("python_env.yaml", "python: '3.8.2'\ndependencies: [numpy]\n"),
            ("conda.yaml", "name: x\ndependencies: ['python=3.8', numpy]\n"),
            ("pyproject.toml", "[project]\nname='x'\nversion='1'\nrequires-python='<3.9'\ndependencies=['numpy']\n"),
        ],
    )
    def test_another_python_is_refused_with_what_to_do(self, tmp_path, name, text):
        with pytest.raises(ConfigurationError, match=r"asks for Python .*3\.[89].*, and this is") as caught:
            read(tmp_path, name, text)
        assert f"ask for {MINOR}" in str(caught.value)


def test_a_virtualenv_of_mlflow_is_its_dependencies_and_files(tmp_path):
    text = "python: '" + MINOR + "'\nbuild_dependencies: [pip==24]\ndependencies: [-r requirements.txt, pandas]\n"
    found = read(tmp_path, "python_env.yaml", text, requirements_txt="numpy>=1.26\n")
    assert found.requirements == ("numpy>=1.26", "pandas")
    assert found.files == (tmp_path / "python_env.yaml", tmp_path / "requirements.txt")


def test_a_project_without_a_lock_is_its_dependencies(tmp_path):
    text = f"[project]\nname='x'\nversion='1'\nrequires-python='>={MINOR}'\ndependencies=['numpy>=1.26', 'polars']\n"
    assert read(tmp_path, "pyproject.toml", text).requirements == ("numpy>=1.26", "polars")


UV_LOCK = f"""version = 1
revision = 3
requires-python = ">={MINOR}"

[[package]]
name = "tiny"
version = "1"
source = {{ virtual = "." }}
"""


def test_a_uv_lock_is_taken_as_it_is_and_refused_when_it_is_out_of_date(tmp_path):
    project = f"[project]\nname='tiny'\nversion='1'\nrequires-python='>={MINOR}'\ndependencies=[]\n"
    (tmp_path / "pyproject.toml").write_text(project)
    assert read(tmp_path, "uv.lock", UV_LOCK).requirements == ()
    (tmp_path / "pyproject.toml").write_text(project.replace("[]", "['a-package-that-is-not-in-the-lock']"))
    with pytest.raises(Exception, match="lock"):
        described.read(tmp_path / "uv.lock", TOOLS, tmp_path)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("--index-url https://packages.example", "cannot be kept in a lock"),
        ("-e .", "cannot be kept in a lock"),
        ("numpy @ https://files.example/numpy.whl", "names an address, which has no hash"),
        ("numpy=>1", "is not a requirement"),
    ],
)
def test_lines_that_no_lock_can_keep_are_refused(tmp_path, line, what):
    with pytest.raises(ConfigurationError, match=what):
        read(tmp_path, "requirements.txt", f"pandas\n{line}\n")


@pytest.mark.parametrize(("name", "text"), [("env.cfg", ""), ("conda.yaml", "- a\n- b\n"), ("conda.yaml", "a: [")])
def test_a_file_that_is_no_description_is_refused(tmp_path, name, text):
    with pytest.raises(ConfigurationError):
        read(tmp_path, name, text)


class TestMLproject:
    @pytest.mark.parametrize(
        ("text", "beside", "found"),
        [
            ("name: x\npython_env: env/python_env.yaml\n", [], "env/python_env.yaml"),
            ("name: x\nconda_env: conda.yaml\n", ["uv.lock", "pyproject.toml"], "conda.yaml"),
            ("name: x\n", ["uv.lock", "pyproject.toml"], "uv.lock"),
            ("name: x\n", ["pyproject.toml"], "pyproject.toml"),
            ("name: x\n", ["requirements.txt"], None),
        ],
    )
    def test_it_names_its_environment_or_the_folder_has_one_of_uv(self, tmp_path, text, beside, found):
        (tmp_path / "MLproject").write_text(text)
        for name in beside:
            (tmp_path / name).write_text("")
        assert mlproject.described_in(tmp_path) == (tmp_path / found if found else None)

    def test_an_image_cannot_become_a_lock(self, tmp_path):
        (tmp_path / "MLproject").write_text("name: x\ndocker_env: {image: tiny}\n")
        with pytest.raises(ConfigurationError, match="docker_env names an image"):
            mlproject.described_in(tmp_path)


def test_python_specifiers_of_conda_are_ones_of_pip():
    found = conda.read(Path("c.yaml"), {"dependencies": [f"python={MINOR}"]})
    assert SpecifierSet(found.python).contains(f"{MINOR}.7")
