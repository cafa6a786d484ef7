"""The tutorial's flow on the wine example: a first model, a worse one, an equal one, and what each leaves behind."""

from __future__ import annotations

import urllib.error
import urllib.request

import model_repository
import pytest
from sklearn.datasets import load_wine

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# A busy machine may not keep a high rate; how fast the model answers is not what is tested here.
PERF = ("--set", "perf.rate=40", "--set", 'perf.budgets=["errors < 4%"]')
STAGES = ("train", "quality", "package", "deploy", "perf", "promote")


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """The wine repository with its first model live, made by one command."""
    repository = model_repository.copy("wine", tmp_path_factory.mktemp("wine"))
    try:
        repository.bring("first", "--first", *PERF)
        yield repository
    finally:
        repository.stop()


def test_the_first_model_passes_every_stage_and_gets_all_traffic(live):
    assert {s: live.result("first", s)["verdict"] for s in STAGES} == dict.fromkeys(STAGES, "PASS")
    deployment = live.result("first", "deploy")["deployment"]
    assert live.result("first", "promote")["action"] == "promoted"
    assert live.shares()[deployment] == 1.0


def test_the_acceptance_tests_of_the_repository_were_run_against_the_deployment(live):
    tests = live.result("first", "deploy")["tests"]
    assert [t["outcome"] for t in tests] == ["passed"] * 3


def test_the_live_model_answers_with_its_name_and_version(live):
    wine = load_wine(as_frame=True)
    answer, headers = live.invoke(list(wine.data), wine.data.head(2).to_numpy().tolist())
    assert [row[0] for row in answer["prediction"]] == ["class_0", "class_0"]
    assert answer["columns"] == ["prediction", "probability_class_0", "probability_class_1", "probability_class_2"]
    assert (headers["model-name"], headers["model-version"]) == (
        "wine",
        live.result("first", "train")["model"]["version"],
    )


def test_the_report_is_one_page_without_scripts_or_inline_styles(live):
    folder = live.folder / ".legion" / "runs" / "first" / "report"
    page = (folder / "index.html").read_text()
    assert "PASS" in page
    assert "<script" not in page
    assert " style=" not in page
    assert list(folder.rglob("*.css"))
    assert list(folder.rglob("*.svg"))
    assert list(folder.rglob("*.xml"))


def test_running_again_with_nothing_changed_runs_nothing_again(live):
    live.legion("pipeline", "--run", "again", *PERF, code=(0, 10))  # now there is a champion: asked anew
    live.legion("pipeline", "--run", "once-more", *PERF, code=(0, 10))
    skipped = {s: live.record("once-more", s)["skipped"] for s in STAGES}
    assert skipped == {**dict.fromkeys(STAGES, True), "deploy": False, "promote": False}
    assert live.result("once-more", "train") == live.result("first", "train")
    assert live.result("once-more", "perf") == live.result("again", "perf")


def test_a_worse_model_fails_the_gate_and_the_champion_keeps_all_traffic(live):
    before = live.shares()
    live.legion("pipeline", "--run", "worse", "--set", "train.parameters.C=0.001", code=1)
    assert live.result("worse", "quality")["verdict"] == "FAIL"
    assert not live.has_run("worse", "package")
    assert live.shares() == before


def test_a_failed_gate_fails_again_when_it_is_asked_again(live):
    live.legion("pipeline", "--run", "worse-again", "--set", "train.parameters.C=0.001", code=1)
    assert live.result("worse-again", "quality")["verdict"] == "FAIL"


def test_an_equal_model_waits_for_traffic_and_outcomes(live):
    champion = live.status()["champion"]
    live.bring("equal", "--set", "train.parameters.C=0.1", *PERF, code=10)
    assert live.result("equal", "quality")["verdict"] == "PASS"
    promote = live.result("equal", "promote")
    assert (promote["verdict"], promote["step"], promote["share_after"]) == ("INCONCLUSIVE", "shadow", 0.0)
    assert live.shares()[champion] == 1.0
    assert live.shares()[live.result("equal", "deploy")["deployment"]] == 0.0


def test_a_second_first_model_is_refused(live):
    told = live.legion("pipeline", "--first", "--run", "second-first", "--set", "train.parameters.C=0.2", code=2)
    assert "first" in told


def test_everything_stops_and_comes_back_with_the_same_shares(live):
    before, url = live.shares(), live.status()["url"]
    live.legion("undeploy", "--all")
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        urllib.request.urlopen(f"{url}/healthcheck", timeout=2)
    assert live.status()["problems"]
    live.legion("up")
    assert live.shares() == before
    assert live.status()["problems"] == []
