"""Events go out whole, in every format, all or nothing."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from feedback_site import DAY, NOON, Repository, said, tools
from promote_events import capture, outcome, write

from legion_ci.core.errors import ConfigurationError, LegionError
from legion_ci.feedback import export


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    requests = [
        capture("r2", at=NOON, deployment="b"),
        capture("r1", at=NOON - DAY, request='{"ü": "a,\n\\"b"}'.encode()),
    ]
    write(made.store, requests, [outcome("r1", {"late": [1, None], "why": "ü"}, at=NOON)])
    return made


def exported(repository: Repository, **options: Any) -> str:
    told = {"what": "requests", "model_version": "", "since": "", "until": "", "output": "", "format_": "", **options}
    used = tools()
    assert export.events_out(used, repository.settings, (), **told) == 0
    return said(used)


def test_json_lines_go_to_standard_output_in_the_order_of_time(repository: Repository, capfdbinary: Any) -> None:
    assert "2 requests exported" in exported(repository)
    rows = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [(r["request_id"], r["model_version"], r["time_unix"]) for r in rows] == [
        ("r1", "a", NOON - DAY),
        ("r2", "b", NOON),
    ]
    assert rows[0]["request_content"] == '{"ü": "a,\n\\"b"}'


def test_outcomes_keep_their_payload_as_json(repository: Repository, capfdbinary: Any) -> None:
    exported(repository, what="outcomes")
    [row] = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert row["payload"] == {"late": [1, None], "why": "ü"}


def test_csv_and_parquet_hold_the_same_rows(repository: Repository, tmp_path: Path) -> None:
    exported(repository, output=str(tmp_path / "out" / "x.csv"))
    exported(repository, output=str(tmp_path / "x.parquet"))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / "x.csv").read_text())))
    table = pq.read_table(tmp_path / "x.parquet").to_pylist()
    for name in ("request_id", "request_content", "unit", "digest"):
        assert [r[name] for r in rows] == [r[name] for r in table]


def test_a_version_and_days_are_chosen(repository: Repository, capfdbinary: Any) -> None:
    exported(repository, model_version="b")
    assert [json.loads(line)["request_id"] for line in capfdbinary.readouterr().out.splitlines()] == ["r2"]
    exported(repository, until="2026-03-09")
    assert [json.loads(line)["request_id"] for line in capfdbinary.readouterr().out.splitlines()] == ["r1"]


def test_wrong_words_are_told_at_once(repository: Repository) -> None:
    with pytest.raises(ConfigurationError) as caught:
        exported(repository, what="all", format_="xlsx")
    assert "choose requests, answers, outcomes" in str(caught.value)
    assert "choose jsonl, csv, parquet" in str(caught.value)
    with pytest.raises(ConfigurationError, match="there is no format"):
        export.format_of("xml", "x.csv")


def test_a_file_that_cannot_be_written_is_told_and_leaves_nothing(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "inside").touch()
    with pytest.raises(LegionError, match="there"):
        exported(repository, output=str(tmp_path / "there"), format_="csv")
    assert not list(tmp_path.glob(".export-*"))
