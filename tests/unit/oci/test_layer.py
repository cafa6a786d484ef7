import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile

import pytest
from deploy_site import eventually
from hypothesis import given, settings
from hypothesis import strategies as st

from legion_ci.core.errors import ToolError
from legion_ci.oci.blobs import Blobs, shared, unused
from legion_ci.oci.compress import CHUNK, GzipWriter
from legion_ci.oci.layer import Entry, build, of_folder


def members(blobs: Blobs, layer) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blobs.path(layer.digest).read_bytes()))) as tar:
        return {m.name: m for m in tar}


@given(st.binary(max_size=2000), st.integers(1, 12), st.integers(1, 400))
@settings(max_examples=50, deadline=None)
def test_what_is_packed_unpacks_to_the_same_however_it_arrives(data, level, piece):
    out = io.BytesIO()
    writer = GzipWriter(out, level)
    for start in range(0, len(data), piece):
        writer.write(data[start : start + piece])
    writer.close()
    assert gzip.decompress(out.getvalue()) == data
    assert writer.diff_id == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert writer.digest == f"sha256:{hashlib.sha256(out.getvalue()).hexdigest()}"
    assert (writer.plain_bytes, writer.packed_bytes) == (len(data), len(out.getvalue()))


def test_a_stream_of_several_members_is_the_same_bytes_however_it_arrives():
    data = os.urandom(CHUNK) + bytes(CHUNK + 5)
    packed = []
    for piece in (len(data), 1_000_003):
        out = io.BytesIO()
        writer = GzipWriter(out, 1)
        for start in range(0, len(data), piece):
            writer.write(data[start : start + piece])
        writer.close()
        packed.append(out.getvalue())
    assert packed[0] == packed[1]
    assert gzip.decompress(packed[0]) == data


def test_time_owner_order_and_place_of_the_files_do_not_matter(tmp_path):
    for place, order, time in (("one", ("b", "a"), 1_000), ("deep/er", ("a", "b"), 2_000_000_000)):
        for name in order:
            path = tmp_path / place / "sub" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"content of {name}")
            os.utime(path, (time, time))
            path.chmod(0o600 if place == "one" else 0o664)
    layers = [
        build(Blobs(tmp_path / f"store{i}"), of_folder(tmp_path / place, "opt/x"))
        for i, place in enumerate(("one", "deep/er"))
    ]
    assert layers[0].digest == layers[1].digest
    found = members(Blobs(tmp_path / "store0"), layers[0])
    assert list(found) == ["opt", "opt/x", "opt/x/sub", "opt/x/sub/a", "opt/x/sub/b"]
    assert {(m.mtime, m.uid, m.gid, m.uname) for m in found.values()} == {(0, 0, 0, "")}
    assert found["opt/x/sub/a"].mode == 0o644


def test_programs_links_and_folders_keep_what_they_are(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "run").write_text("#!")
    (tmp_path / "in" / "run").chmod(0o700)
    (tmp_path / "in" / "link").symlink_to("run")
    blobs = Blobs(tmp_path / "store")
    found = members(blobs, build(blobs, [*of_folder(tmp_path / "in", "x"), Entry("tmp", mode=0o1777)]))
    assert (found["x/run"].mode, found["x/link"].linkname, found["tmp"].mode) == (0o755, "run", 0o1777)


def test_a_layer_of_a_known_key_is_taken_without_looking_at_files(tmp_path):
    blobs = Blobs(tmp_path)
    first = build(blobs, [Entry("a", b"1")], key="k")

    def never():
        raise AssertionError("looked")
        yield

    again = build(blobs, never(), key="k")
    assert (first.built, again.built, again.digest) == (True, False, first.digest)


def test_a_layer_whose_blob_is_gone_or_short_is_made_again(tmp_path):
    blobs = Blobs(tmp_path)
    first = build(blobs, [Entry("a", b"1")], key="k")
    blobs.path(first.digest).write_bytes(b"x")
    assert build(blobs, [Entry("a", b"1")], key="k").built
    blobs.check(first.digest)


def test_a_changed_blob_is_an_error_and_does_not_stay(tmp_path):
    blobs = Blobs(tmp_path)
    layer = build(blobs, [Entry("a", b"1")])
    changed = bytearray(blobs.path(layer.digest).read_bytes())
    changed[20] ^= 1
    blobs.path(layer.digest).write_bytes(changed)
    with pytest.raises(ToolError, match="was changed"):
        blobs.check(layer.digest)
    assert not blobs.has(layer.digest, layer.size)


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    blobs = Blobs(tmp_path)

    class Full(GzipWriter):
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("legion_ci.oci.layer.GzipWriter", Full)
    with pytest.raises(ToolError, match="free some space"):
        build(blobs, [Entry("a", b"1")], key="k")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_what_no_image_has_used_for_a_while_is_found_and_can_be_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("LEGION_CACHE", str(tmp_path))
    store = shared()
    old, new = (build(store, [Entry(name, b"1")], key=name) for name in ("old", "new"))
    for path in [*store.folder.rglob("blobs/sha256/*"), *store.folder.rglob("layers/*")]:
        os.utime(path, (1, 1))
    build(store, [Entry("new", b"1")], key="new")
    found = list(unused(3600))
    assert store.path(old.digest) in found
    assert store.path(new.digest) not in found
    assert len(found) == 2
    for path in found:
        path.unlink()
    assert build(store, [Entry("old", b"1")], key="old").digest == old.digest


def test_a_build_that_is_killed_leaves_nothing_that_counts_and_is_cleaned_later(tmp_path, monkeypatch):
    monkeypatch.setenv("LEGION_CACHE", str(tmp_path))
    os.mkfifo(tmp_path / "slow")
    program = (
        "from pathlib import Path; from legion_ci.oci.blobs import shared; from legion_ci.oci.layer import Entry, build\n"
        "def entries():\n"
        f"    yield Entry('large', bytes(16 << 20)); yield Entry('slow', Path({str(tmp_path / 'slow')!r}))\n"
        "build(shared(), entries(), key='k')"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    eventually(lambda: [p for p in (tmp_path / "oci").glob(".incoming-*") if p.stat().st_size])
    process.kill()
    process.wait()
    store = shared()
    layer = build(store, [Entry("large", b"1")], key="k")
    assert layer.built
    store.check(layer.digest)
    [left] = list(unused(-10))[:1]
    assert left.name.startswith(".incoming-")
