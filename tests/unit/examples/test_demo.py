"""The demo around its commands: what it shows, what it removes, and when it has nothing left to do."""

from __future__ import annotations

import json
import shlex

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from example_modules import load
from fake_gateway import running

demo = load("demo.py")


@pytest.fixture
def one(tmp_path):
    (tmp_path / "repository").mkdir()
    return demo.Demo(tmp_path / "site", tmp_path / "repository")


def record(one, run, stage, **result):
    folder = one.run(run)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stage}.json").write_text(json.dumps({"stage": stage, "result": result}))


def test_a_command_is_shown_as_one_could_type_it(one):
    command = one.command("pipeline", "--set", "data.train.path=data/2013-0[1-3].parquet")
    words = shlex.split(demo.shown(command))
    assert words[0] == "legion-ci"
    assert words[1:] == command[1:]
    assert f"site.path={one.site}" in words


def test_every_command_names_the_site(one):
    assert all(f"site.path={one.site}" in one.command(t) for t in ("pipeline", "status", "undeploy"))


def test_two_sites_do_not_share_their_runs(tmp_path):
    ids = {demo.Demo(site, tmp_path).run_id("champion") for site in (demo.SITE, tmp_path / "a", tmp_path / "b")}
    assert len(ids) == 3
    assert "demo-champion" in ids


def test_nothing_is_decided_before_anything_ran(one):
    assert not one.decided()


@pytest.mark.parametrize(("stage", "verdict", "ended"), [
    ("quality", "FAIL", True), ("perf", "FAIL", True), ("promote", "FAIL", True), ("promote", "PASS", True),
    ("promote", "INCONCLUSIVE", False), ("quality", "PASS", False), ("quality", "INCONCLUSIVE", False),
])  # fmt: skip
def test_the_challengers_story_ends_with_a_refusal_or_a_promotion(one, stage, verdict, ended):
    record(one, demo.CHALLENGER, stage, verdict=verdict)
    assert one.decided() is ended


def test_starting_over_refuses_a_folder_that_the_demo_did_not_make(one):
    one.site.mkdir()
    (one.site / "letters.txt").write_text("dear all")
    with pytest.raises(SystemExit, match="not made by this demo"):
        demo.start_over(one)
    assert (one.site / "letters.txt").is_file()


def test_starting_over_removes_only_the_demos_own_runs(one):
    record(one, demo.CHAMPION, "train")
    record(one, demo.CHALLENGER, "train")
    record(one, "mine", "train")
    demo.start_over(one)
    assert [p.name for p in (one.example / ".legion" / "runs").iterdir()] == [one.run_id("mine")]


@pytest.fixture
def july(one):
    row = {
        "request_id": "f-0",
        "tailnum": "N1",
        "time": "2013-07-01T09:00Z",
        "carrier": "B6",
        "late": 1,
        "distance": 1.0,
    }
    (one.example / "data" / "live").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row]), one.example / "data" / "live" / "2013-07.parquet")
    return one


def test_the_request_to_try_has_the_features_of_a_real_flight_and_nothing_else(july):
    assert json.loads(demo.body(july)) == {"columns": ["carrier", "distance"], "data": [["B6", 1.0]]}


def test_the_curl_line_asks_what_the_demo_asks(july):
    with running() as gateway:
        words = shlex.split(demo.curl(gateway.url, demo.body(july)))
        assert words[:3] == ["curl", "-s", f"{gateway.url}/api/model/invoke"]
        assert json.loads(demo.ask(gateway.url, words[-1])) == {"prediction": [[0, 0.8, 0.2]]}
        assert gateway.asked[0].body == json.loads(words[-1])


def test_a_gateway_that_is_down_is_told_with_the_command_that_brings_it_back():
    assert "legion-ci up" in demo.ask("http://127.0.0.1:1", "{}")
