import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.core.errors import ToolError
from legion_ci.core.files import digest_pairs, digest_tree, write_atomic


def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    target = tmp_path / "record.json"
    write_atomic(target, "old")

    def full(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ToolError, match="No space left on device.*free some space"):
        write_atomic(target, "new")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]


def test_a_really_full_file_system_is_an_error_that_loses_nothing():
    from pathlib import Path

    if not Path("/dev/full").exists():
        pytest.skip("/dev/full is Linux's")
    with pytest.raises(ToolError):
        write_atomic(Path("/dev/full/x"), "new")


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_the_digest_of_pairs_does_not_depend_on_their_order(pairs):
    assert digest_pairs(pairs.items()) == digest_pairs(reversed(list(pairs.items())))


def test_the_digest_of_a_folder_sees_names_and_content_but_not_times(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    first = digest_tree(tmp_path)
    os.utime(tmp_path / "a" / "x", (1, 1))
    assert digest_tree(tmp_path) == first
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    assert digest_tree(tmp_path) != first


def test_a_written_file_has_the_rights_of_any_other(tmp_path):
    write_atomic(tmp_path / "ours", "x")
    (tmp_path / "other").write_text("x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "other").stat().st_mode
