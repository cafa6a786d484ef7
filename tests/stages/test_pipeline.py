"""The whole pipeline by the program itself: first model, nothing changed, interrupted, stopped and brought back."""

from __future__ import annotations

import json
import signal
import sys
import urllib.error
import urllib.request

import psutil
import pytest
from legion_program import PROGRAM, Legion, wait_for
from repositories import SETTINGS

pytestmark = pytest.mark.slow
ALL = ("train", "quality", "package", "deploy", "perf", "promote")
# Low enough for a busy machine: how fast the model answers is not what is tested here.
PIPELINE_SETTINGS = (
    SETTINGS
    + """
quality: {checks: [{metric: accuracy, min: 0.6}]}
deploy: {auth: {role: analyst}}
perf: {rate: 20, duration: 5s, warmup: 1s, budgets: ["errors < 50%"]}
"""
)


def bring(legion, run, *words):
    """A pipeline in that run; again while a busy machine spoils the measurement of the load test."""
    for _ in range(4):
        code, out, err = legion("pipeline", "--run", run, *words)
        perf = legion.result("perf", run) if (legion.run(run) / "perf.json").is_file() else {}
        if not perf.get("reason", "").startswith("invalid."):
            break
    return code, out, err


@pytest.fixture(scope="module")
def live(tmp_path_factory, caches):
    """The first model, live by one command; whatever runs is stopped in the end."""
    legion = Legion(tmp_path_factory.mktemp("pipeline"), caches)
    legion.make(settings=PIPELINE_SETTINGS)
    try:
        code, out, err = bring(legion, "first", "--first")
        assert code == 0, out + err
        yield legion
    finally:
        legion("undeploy", "--all")


def invoke(legion, url):
    body = json.dumps({"columns": ["a", "b"], "data": [[3.0, 0.0], [-3.0, 0.0]]}).encode()
    code, token, err = legion("token.issue", "--subject", "ann")
    assert code == 0, err
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token.strip()}"}
    request = urllib.request.Request(f"{url}/api/model/invoke", body, headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return [row[0] for row in json.loads(answer.read())["prediction"]]


def shares(legion):
    return {d["deployment"]: d["share"] for d in legion.status()["deployments"]}


def of_site(legion):
    """Every process whose command line names the site."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(legion.site) in word for word in process.info["cmdline"] or ()):
            found.append(process)
    return found


def locusts(legion):
    """Every process that runs Locust for this repository."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = " ".join(process.info["cmdline"] or ())
        if ("locust" in words or "legion_ci.perf" in words) and str(legion.home) in f"{words} {process.info['cwd']}":
            found.append(process)
    return found


def test_the_first_model_passes_every_stage_and_is_live_at_100_percent(live):
    assert {stage: live.result(stage, "first")["verdict"] for stage in ALL} == dict.fromkeys(ALL, "PASS")
    assert shares(live) == {live.result("deploy", "first")["deployment"]: 1.0}
    assert invoke(live, live.status()["url"]) == [1, 0]
    assert (live.run("first") / "report" / "index.html").is_file()


def test_when_nothing_changed_every_reusable_stage_stands_and_no_mlflow_is_imported(live):
    code, out, err = bring(live, "again")  # the gate is asked anew once: there is a champion now
    assert code == 0, out + err
    traced = Legion(live.home, live.caches, (sys.executable, "-X", "importtime", PROGRAM))
    code, out, err = traced("pipeline", "--run", "unchanged")
    assert code == 0, out
    assert {s: live.record(s, "unchanged")["skipped"] for s in ALL} == {
        **dict.fromkeys(ALL, True),
        "deploy": False,
        "promote": False,
    }
    assert out.count("unchanged") >= 4
    imported = {line.split("|")[-1].strip().split(".")[0] for line in err.splitlines() if "import time:" in line}
    assert "legion_ci" in imported
    assert not imported & {"mlflow", "locust", "sklearn", "pandas", "duckdb"}
    assert shares(live) == {live.result("deploy", "first")["deployment"]: 1.0}


def test_ctrl_c_during_perf_leaves_no_load_running_and_the_next_call_goes_on(live):
    change = ("--set", "train.parameters.C=0.5", "--set", "perf.duration=60s")
    process = live.start("pipeline", "--run", "broken", *change)
    try:
        wait_for(lambda: process.poll() is not None or locusts(live), "the load test", 200)
        assert process.poll() is None, process.communicate()
        running = psutil.Process(process.pid).children(recursive=True) + locusts(live)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, out + err
    assert "run the task again" in err
    assert "Traceback" not in err
    _, alive = psutil.wait_procs([p for p in running if p not in of_site(live)], timeout=20)
    assert not alive
    assert not locusts(live)
    assert not (live.run("broken") / "perf.json").exists()
    assert max(shares(live).values()) == 1.0
    assert shares(live)[live.result("deploy", "first")["deployment"]] == 1.0
    code, out, err = bring(live, "broken", "--set", "train.parameters.C=0.5")
    assert code == 10, out + err  # a challenger in the shadow waits for traffic
    assert "train    PASS           unchanged" in out
    assert live.result("perf", "broken")["verdict"] == "PASS"


def test_undeploy_all_stops_every_process_and_up_brings_the_same_champion_back_at_the_same_url(live):
    before = live.status()
    pids = [p.pid for p in of_site(live)]
    pids += [d["server"]["pid"] for d in before["deployments"]] + [s["pid"] for s in before["servers"]]
    assert all(psutil.pid_exists(pid) for pid in pids)
    live.good("undeploy", "--all")
    assert not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
    assert of_site(live) == []
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        invoke(live, before["url"])
    down = live.status()
    assert down["champion"] == before["champion"]
    assert any(f"{before['champion']} should run and does not; run legion-ci up" in p for p in down["problems"])
    live.good("up")
    after = live.status()
    assert (after["url"], after["champion"], after["problems"]) == (before["url"], before["champion"], [])
    assert {d["deployment"]: d["share"] for d in after["deployments"]} == {
        d["deployment"]: d["share"] for d in before["deployments"]
    }
    wait_for(lambda: answered(live, before["url"]), "an answer at the old URL", 20)


def answered(legion, url):
    try:
        return invoke(legion, url) == [1, 0]
    except (urllib.error.URLError, ConnectionError):
        return False
