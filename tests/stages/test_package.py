"""Stage package by the program itself: same bytes, a bundle that serves by itself, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile

import pytest
from legion_program import Legion
from ports import free_port

from legion_ci.core.files import digest_file, digest_tree


def package(legion, run):
    """Package in a run of its own, as if nobody had packaged before; the package's folder."""
    for old in legion.folder.glob(".legion/runs/*/package.json"):
        old.unlink()
    for stage in ("train", "quality", "package"):
        legion.good(stage, "--run", run, *(["--first"] if stage == "quality" else []))
    assert not legion.record("package", run)["skipped"]
    return legion.run(run) / "package"


@pytest.fixture(scope="module")
def packaged(accepted):
    return package(accepted, "p1")


def test_same_inputs_give_the_same_bytes_in_two_runs(accepted, packaged):
    other = package(accepted, "p2")
    assert digest_tree(packaged / "bundle") == digest_tree(other / "bundle")
    assert digest_file(packaged / "bundle.zip") == digest_file(other / "bundle.zip")
    made = accepted.result("package", "p2")["package"]
    assert made["digest"] == digest_tree(other / "bundle")


def test_the_archive_holds_exactly_the_folder(packaged, tmp_path):
    with zipfile.ZipFile(packaged / "bundle.zip") as archive:
        archive.extractall(tmp_path)
    assert digest_tree(tmp_path / "bundle") == digest_tree(packaged / "bundle")


def test_the_bundle_names_what_it_holds_and_carries_the_lock_of_training(accepted, packaged):
    facts = json.loads((packaged / "bundle" / "bundle.json").read_text())
    model = accepted.result("train", "r1")["model"]
    assert (facts["model"], facts["version"], facts["artefact"]) == ("wine", "1", model["artefact"]["digest"])
    assert facts["lock"] == digest_file(packaged / "bundle" / "requirements.lock")
    assert facts["lock"] == accepted.result("train", "r1")["lock_digest"]


def test_a_second_call_packages_nothing_again(accepted, packaged):
    assert "unchanged" in accepted.good("package", "--run", "p1")


@pytest.mark.slow
def test_the_unpacked_archive_installs_its_environment_and_answers_like_the_model(accepted, packaged, tmp_path):
    with zipfile.ZipFile(packaged / "bundle.zip") as archive:
        archive.extractall(tmp_path)
    bundle, port = tmp_path / "bundle", free_port()
    log = tmp_path / "serve.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-I", bundle / "serve.py", "--port", str(port)],
            cwd=tmp_path,
            env=accepted.environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for_server(server, port, log)
        sample = json.loads((bundle / "artefact" / "legion_model" / "head_input.json").read_text())
        expected = json.loads((bundle / "artefact" / "legion_model" / "head_output.json").read_text())
        answer = invoke(port, sample)
        assert answer["columns"] == expected["columns"]
        for row, wanted in zip(answer["prediction"], expected["data"], strict=True):
            assert row[0] == wanted[0]
            assert row[1:] == pytest.approx(wanted[1:], abs=1e-9)
    finally:
        server.terminate()
        server.wait(30)


def wait_for_server(server, port, log):
    from legion_program import wait_for

    def ready():
        assert server.poll() is None, log.read_text()
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/healthcheck", timeout=2).status == 200
        except OSError:
            return False

    wait_for(ready, "the bundle's server", 240)


def invoke(port, sample):
    body = json.dumps({"columns": sample["columns"], "data": sample["data"]}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/model/invoke", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def with_another_hash(lock):
    text = lock.read_text()
    found = re.search(r"sha256:([0-9a-f]{64})", text)
    lock.write_text(text.replace(found.group(1), "0" * 64, 1))


def test_a_bundle_whose_lock_was_changed_says_so_and_installs_nothing(packaged, tmp_path):
    shutil.copytree(packaged / "bundle", tmp_path / "bundle")
    with_another_hash(tmp_path / "bundle" / "requirements.lock")
    done = subprocess.run([sys.executable, tmp_path / "bundle" / "serve.py"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "requirements.lock: is not the lock that was packaged" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "bundle" / ".environment").exists()


def test_deploy_refuses_a_package_that_was_changed(accepted):
    with_another_hash(package(accepted, "p3") / "bundle" / "requirements.lock")
    code, _, err = accepted("deploy", "--first", "--run", "p3")
    assert code == 3
    assert "the artefact was changed after it was made" in err


def test_package_before_quality_names_quality(accepted, tmp_path):
    copy = Legion(tmp_path, accepted.caches, more={"LEGION__SITE__PATH": str(accepted.site)})
    shutil.copytree(accepted.folder, copy.folder)
    copy.good("train", "--run", "new")
    code, _, err = copy("package", "--run", "new")
    assert code == 3
    assert "package needs the result of quality" in err
    assert "run legion-ci quality first" in err
