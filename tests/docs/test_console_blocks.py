"""How shown output is held against printed output."""

from __future__ import annotations

import pytest
from console_blocks import commands, pattern


@pytest.mark.parametrize(("shown", "printed"), [
    ("run 20261121T051200Z-1a2b", "run 20270102T235959Z-ffee"),
    ("train  PASS  7.3 s  wine 1", "train PASS 11 s wine 23"),
    ("report …", "report .legion/runs/x/report/index.html"),
    ("quality  PASS", "quality PASS"),
])  # fmt: skip
def test_a_shown_line_stands_for_lines_that_differ_in_numbers_only(shown, printed):
    assert pattern(shown).fullmatch(printed)


@pytest.mark.parametrize(("shown", "printed"), [("quality PASS", "quality FAIL"), ("a.b", "acb"), ("12 rows", "rows")])
def test_other_words_are_not_what_was_shown(shown, printed):
    assert not pattern(shown).fullmatch(printed)


def test_commands_outputs_and_exit_codes_of_a_page_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# T\n\n```console\n$ one \\\n  --more\nout\n$ two\n(exit code 10)\n```\n\n```sh\n$ not this\n```\n"
    )
    one, two = commands(page)
    assert (one.text.split(), one.shown, one.code, one.line) == (["one", "--more"], ("out",), 0, 4)
    assert (two.text, two.shown, two.code) == ("two", (), 10)


def test_what_a_page_shows_and_a_command_does_not_print_is_named(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```console\n$ one\nfirst 1\nsecond 2\n```\n")
    assert commands(page)[0].missing("noise\nfirst 7\n") == ["second 2"]
