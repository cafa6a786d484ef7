"""Reading what others wrote: manifests, archives, and everything that may be wrong with them."""

import json
import tarfile
import zipfile

import pytest
import yaml
from foreign_models import adder, compressed_tar, content, tar_of, zipped
from hypothesis import given, settings
from hypothesis import strategies as st

from legion_ci.core.errors import ConfigurationError
from legion_ci.gppi.opened import unpacked
from legion_ci.store import foreign, laid_out, unpack


@pytest.fixture
def folder(tmp_path):
    return adder(tmp_path / "adder")


def broken(folder, change):
    told = content()
    change(told)
    (folder / "odahuflow.project.yaml").write_text(yaml.safe_dump(told))
    with pytest.raises(ConfigurationError) as caught:
        foreign.read(folder)
    return [str(p) for p in caught.value.problems]


def test_a_folder_a_zip_and_a_compressed_tar_that_calls_itself_zip_are_the_same_model(folder, tmp_path):
    found = [
        foreign.read(unpacked(path, tmp_path / str(i)))
        for i, path in enumerate(
            (folder, zipped(folder, tmp_path / "a.zip"), compressed_tar(folder, tmp_path / "b.zip"))
        )
    ]
    assert [(f.name, f.version, f.entrypoint, f.run_id, f.toolchain, f.ours) for f in found] == [
        ("adder", "1.2", "entrypoint", "0123456789abcdef", "mlflow", False)
    ] * 3
    assert all((f.model_dir / "weights.json").is_file() for f in found)


@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump])
@pytest.mark.parametrize("name", ["legion.project.yaml", "odahuflow.model.yaml"])
def test_a_manifest_is_json_or_yaml_by_any_of_its_names_also_one_folder_deeper(tmp_path, write, name):
    folder = adder(tmp_path / "out" / "adder")
    (folder / "odahuflow.project.yaml").unlink()
    told = content()
    told["legionVersion"] = told.pop("odahuflowVersion")
    (folder / name).write_text(write(told))
    assert foreign.read(tmp_path / "out").name == "adder"


def test_all_fields_that_lack_are_told_at_once(folder):
    assert broken(folder, dict.clear) == [
        *(f"odahuflow.project.yaml: {f} is missing; add it" for f in (
            "binaries.type", "binaries.dependencies", "binaries.conda_path", "model.name", "model.version", "model.workDir",
            "model.entrypoint")),
        "odahuflow.project.yaml: legionVersion or odahuflowVersion is missing; add it, as '1.0'",
    ]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), [
    (lambda m: m["binaries"].update(type="java"), "binaries.type is 'java'; only 'python' is known"),
    (lambda m: m["model"].update(version=1.2), "model.version must be a text (found 1.2); write it in quotes"),
    (lambda m: m["model"].update(workDir="../elsewhere"), "model.workDir leaves the folder"),
    (lambda m: m["model"].update(workDir="nowhere"), "model.workDir: there is no nowhere"),
    (lambda m: m["binaries"].update(conda_path="/etc/passwd"), "binaries.conda_path leaves the folder"),
    (lambda m: m["model"].update(entrypoint="os; x"), "model.entrypoint 'os; x' is no name of a module"),
    (lambda m: m["model"].update(entrypoint="other"), "there is no module other in odahuflow_model"),
])  # fmt: skip
def test_a_wrong_field_is_told(folder, change, said):
    assert any(said in told for told in broken(folder, change))


@pytest.mark.parametrize("text", ["[1", "- a", "\x00", "{a: &x [*x]}"])
def test_what_is_no_manifest_is_told(folder, text):
    (folder / "odahuflow.project.yaml").write_text(text)
    with pytest.raises(ConfigurationError):
        foreign.read(folder)


def test_a_folder_without_a_manifest_is_no_model(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(ConfigurationError, match="it has no manifest"):
        foreign.read(tmp_path / "x")


def test_symbolic_links_in_a_folder_are_refused(folder):
    (folder / "odahuflow_model" / "data").symlink_to("/etc")
    with pytest.raises(ConfigurationError, match=r"holds symbolic links \(odahuflow_model/data\)"):
        foreign.read(folder)


def test_an_archive_that_leaves_its_folder_by_path_link_or_device_is_refused_as_a_whole(tmp_path):
    archive = tar_of(
        tmp_path / "evil.zip", ("good.txt", b"x", {}), ("../out.txt", b"x", {}), ("/abs.txt", b"x", {}), ("a\\b", b"x", {}),
        ("link", None, {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("hard", None, {"type": tarfile.LNKTYPE, "linkname": "good.txt"}),
        ("dev", None, {"type": tarfile.CHRTYPE}), ("good.txt", b"y", {}),
    )  # fmt: skip
    with pytest.raises(ConfigurationError) as caught:
        unpack.unpack(archive, tmp_path / "in" / "model")
    told = [str(p) for p in caught.value.problems]
    assert [t.split(": ", 1)[1].split(";")[0] for t in told] == [
        "'../out.txt' is a path that leaves the folder", "'/abs.txt' is a path that leaves the folder",
        "'a\\\\b' is a path that leaves the folder", "'link' is a symbolic link", "'hard' is a hard link", "'dev' is a device",
        "'good.txt' is there twice",
    ]  # fmt: skip
    assert not (tmp_path / "in").exists()


def test_a_zip_with_a_link_or_a_path_that_leaves_is_refused(tmp_path):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../x", "x")
        item = zipfile.ZipInfo("link")
        item.external_attr = 0o120777 << 16
        archive.writestr(item, "/etc/passwd")
    with pytest.raises(ConfigurationError) as caught:
        unpack.unpack(path, tmp_path / "model")
    assert len(caught.value.problems) == 2
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_bomb_is_refused_and_nothing_is_left(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(unpack, "_ROOM", 1 << 20)
    zeros, path = bytes(3 << 20), tmp_path / "bomb.zip"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros", zeros)
    else:
        tar_of(path, ("zeros", zeros, {}))
    with pytest.raises(ConfigurationError, match=r"holds more than it may \(3,145,728 bytes, 1 files; 1,048,576 bytes"):
        unpack.unpack(path, tmp_path / "in" / "model")
    assert not (tmp_path / "in").exists()


def test_an_archive_that_lies_about_its_size_is_refused_while_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "_ROOM", 1 << 16)
    path = tmp_path / "liar.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1 << 20))
    data = path.read_bytes().replace((1 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    path.write_bytes(data)
    with pytest.raises(ConfigurationError):
        unpack.unpack(path, tmp_path / "in" / "model")
    assert not list((tmp_path / "in").iterdir())


@settings(max_examples=60)
@given(cut=st.floats(0, 0.999), kind=st.sampled_from(["zip", "tar"]))
def test_a_damaged_archive_is_an_error_or_the_whole_model_and_never_a_part(tmp_path_factory, cut, kind):
    home = tmp_path_factory.mktemp("damaged")
    folder = adder(home / "adder")
    path = (zipped if kind == "zip" else compressed_tar)(folder, home / "m.zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * cut)])
    target = home / "in" / "model"
    try:
        unpack.unpack(path, target)
    except ConfigurationError:
        assert not target.exists()
    else:
        assert {p.name for p in target.rglob("*")} == {p.name for p in folder.rglob("*")}


def test_a_model_whose_entry_point_has_another_name_is_laid_out_with_one_that_calls_it(tmp_path):
    found = foreign.read(adder(tmp_path / "adder", entrypoint="my_entry"))
    made = laid_out.lay_out(found, tmp_path / "laid")
    told = yaml.safe_load((made / "legion.project.yaml").read_text())
    assert told["model"] == {"name": "adder", "version": "1.2", "workDir": "legion_model", "entrypoint": "entrypoint"}
    assert told["legion"]["flavor"] == "gppi"
    from legion_ci.serving import artefact, load
    from legion_ci.serving.rows import Rows

    model = load.load(artefact.read(made))
    assert model.predict(Rows([(1.5, 1.0)])).rows() == [(4.0,)]


def test_a_module_entrypoint_that_is_not_the_entry_point_is_refused(tmp_path):
    folder = adder(tmp_path / "adder", entrypoint="my_entry")
    (folder / "odahuflow_model" / "entrypoint.py").write_text("")
    with pytest.raises(ConfigurationError, match=r"which is not its entry point my_entry; rename entrypoint\.py"):
        laid_out.lay_out(foreign.read(folder), tmp_path / "laid")
