"""The choice ``package.accelerate``: what it writes, what it refuses, and the lock that it extends."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest
import serving_artefacts
from sklearn.ensemble import HistGradientBoostingClassifier

from legion_ci.core import environments, uv
from legion_ci.core.errors import PluginError, ToolError
from legion_ci.core.files import digest_file, digest_tree
from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.package import locks, stage
from legion_ci.package.bundle import BundleSettings
from legion_ci.results import ModelRef, PackageResult, TrainResult
from legion_ci.store import artefacts

pytest.importorskip("skl2onnx", reason="the extra accelerate is not installed")
TOOLS = Tools(progress=Progress(quiet=True))
NEEDED = ("cloudpickle", "msgspec", "numpy", "pyarrow", "pyyaml", "scikit-learn")


@pytest.fixture(scope="module", autouse=True)
def caches(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEGION_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's lock: what scikit-learn and our server's reading of artefacts need."""
    folder = tmp_path_factory.mktemp("lock")
    (folder / "requirements.txt").write_text("".join(f"{name}=={version(name)}\n" for name in NEEDED))
    uv.compile_lock(folder / "requirements.txt", folder / "requirements.lock", TOOLS)
    return folder / "requirements.lock"


def trained(folder: Path, lock: Path, convertible: bool = True) -> TrainResult:
    """A model as train leaves it."""
    if convertible:
        serving_artefacts.wine(folder)
    else:
        data = serving_artefacts.WINE
        boosted = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]).fit(
            data.data.astype(int) % 20, data.target
        )
        serving_artefacts.write(folder, boosted, serving_artefacts.wine_rows(5), outputs=False)
    (folder / "legion_model" / "requirements.lock").write_bytes(lock.read_bytes())
    model = ModelRef(name="wine", version="1", artefact=artefacts.of_folder(folder))
    return TrainResult(model=model, tracking_uri="", experiment="")


def packaged(folder: Path, of: TrainResult, **choices: object) -> PackageResult:
    """Run the stage."""
    folder.mkdir()
    settings = BundleSettings.model_validate({"accelerate": "onnx", **choices})
    return stage.run(settings, trained=of, work=folder, tools=TOOLS)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, lock: Path) -> TrainResult:
    return trained(tmp_path_factory.mktemp("trained") / "artefact", lock)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, model: TrainResult) -> tuple[Path, PackageResult]:
    folder = tmp_path_factory.mktemp("run") / "work"
    return folder, packaged(folder, model)


def test_the_form_lies_beside_the_artefact_which_stays_as_it_was(
    first: tuple[Path, PackageResult], model: TrainResult
) -> None:
    bundle = first[0] / "package" / "bundle"
    assert digest_tree(bundle / "artefact") == model.model.artefact.digest
    facts = json.loads((bundle / "accelerated" / "accelerated.json").read_text())
    assert facts["artefact"] == model.model.artefact.digest
    assert facts["sha256"] == digest_file(bundle / "accelerated" / "model.onnx")


def test_the_record_holds_the_proof_and_the_gain(first: tuple[Path, PackageResult]) -> None:
    told = first[1].accelerated
    assert told is not None
    assert (told.kind, told.refused, told.tolerance) == ("onnx", "", 1e-5)
    assert told.rows > 10_000
    assert told.largest <= 1e-5
    assert [g.rows for g in told.gains] == [1, 32]
    assert "onnx equal on" in first[1].summary
    assert "faster" in first[1].summary


def test_the_locks_lines_are_unchanged_and_the_runtime_is_added_by_hash(
    first: tuple[Path, PackageResult], lock: Path
) -> None:
    extended = (first[0] / "package" / "bundle" / "requirements.lock").read_text()
    assert extended.startswith(lock.read_text().rstrip("\n"))
    added = extended.removeprefix(lock.read_text().rstrip("\n"))
    assert f"onnxruntime=={version('onnxruntime')}" in added
    assert "skl2onnx" not in extended
    assert "--hash=sha256:" in added
    facts = json.loads((first[0] / "package" / "bundle" / "bundle.json").read_text())
    assert facts["lock"] == digest_file(first[0] / "package" / "bundle" / "requirements.lock")


def test_the_extended_lock_installs_and_its_environment_serves_the_form(
    first: tuple[Path, PackageResult], tmp_path: Path
) -> None:
    bundle = first[0] / "package" / "bundle"
    python = environments.ensure(bundle / "requirements.lock", TOOLS)
    code = (
        "import sys; from pathlib import Path; from legion_ci.serving import artefact, load;"
        "m = load.load(artefact.read(Path(sys.argv[1]))); print(type(m).__name__, 'sklearn' in sys.modules)"
    )
    done = TOOLS.shell.run([python, "-c", code, bundle / "artefact"], cwd=tmp_path)
    assert done.stdout.split() == ["OnnxModel", "False"]


def test_packaging_again_gives_the_same_bytes(
    first: tuple[Path, PackageResult], model: TrainResult, tmp_path: Path
) -> None:
    again = packaged(tmp_path / "again", model)
    assert again.package.digest == first[1].package.digest


def test_a_model_that_does_not_convert_fails_with_what_to_do(tmp_path: Path, lock: Path) -> None:
    odd = trained(tmp_path / "artefact", lock, convertible=False)
    with pytest.raises(
        ToolError, match=r"package.accelerate: no onnx form predicts .* set package.when_unequal to plain"
    ):
        packaged(tmp_path / "work", odd)
    assert not (tmp_path / "work" / "package" / "bundle").exists()


def test_or_is_packaged_as_it_is_and_the_record_says_why(tmp_path: Path, lock: Path) -> None:
    odd = trained(tmp_path / "artefact", lock, convertible=False)
    result = packaged(tmp_path / "work", odd, when_unequal="plain")
    bundle = tmp_path / "work" / "package" / "bundle"
    assert result.accelerated is not None
    assert "skl2onnx" in result.accelerated.refused
    assert "not accelerated" in result.summary
    assert not (bundle / "accelerated").exists()
    assert (bundle / "requirements.lock").read_bytes() == lock.read_bytes()


def test_without_the_choice_nothing_is_converted(model: TrainResult, tmp_path: Path) -> None:
    result = packaged(tmp_path / "work", model, accelerate=None)
    assert result.accelerated is None
    assert not (tmp_path / "work" / "package" / "bundle" / "accelerated").exists()


def test_a_lock_that_does_not_go_with_the_runtime_is_told(tmp_path: Path) -> None:
    old = tmp_path / "requirements.lock"
    old.write_text(
        "numpy==1.26.4 \\\n    --hash=sha256:"
        + "a" * 64
        + "\nprotobuf==3.20.3 \\\n    --hash=sha256:"
        + "b" * 64
        + "\n"
    )
    with pytest.raises(ToolError, match="locked packages do not go with onnxruntime, onnx, skl2onnx"):
        locks.extend(old, ("onnxruntime", "onnx", "skl2onnx"), tmp_path / "out.lock", TOOLS)


def test_a_package_that_is_not_installed_here_is_told_with_the_install_line(tmp_path: Path, lock: Path) -> None:
    with pytest.raises(PluginError, match=r"no-such-thing is not installed; pip install 'legion-ci\[accelerate\]'"):
        locks.extend(lock, ("no-such-thing",), tmp_path / "out.lock", TOOLS)


@pytest.mark.parametrize(("text", "value"), [("1e-5", 1e-5), (0.001, 0.001)])
def test_the_tolerance_may_be_written_as_people_do(text: object, value: float) -> None:
    assert BundleSettings.model_validate({"tolerance": text}).tolerance == value
