"""The stage on a real gateway and real processes; tiny servers stand for model servers."""

import subprocess
import sys

import pytest
from deploy_gateway import QUIET
from deploy_site import SERVER, alive, ask, eventually, free_port, kill, pid_of, running_site, supervisor_pid
from deploy_stage import Stage

from legion_ci.core.errors import ConfigurationError, OrderError, ToolError
from legion_ci.core.lock import locked
from legion_ci.deploy import site_tasks
from legion_ci.gateway import apply, routes
from legion_ci.results import Verdict
from legion_ci.settings.schema import AuthSettings
from legion_ci.supervise import client


@pytest.fixture
def stage(tmp_path):
    with running_site(tmp_path) as site:
        yield Stage(site, tmp_path)


def answering(stage: Stage, units: int) -> set[object]:
    return {ask(stage.url, {"x-legion-unit": f"u{n}"}).told["deployment"] for n in range(units)}


def change(stage: Stage, edit) -> None:
    apply.change(stage.site, edit, tools=QUIET)


def test_no_model_gets_traffic_by_being_deployed_not_even_the_first(stage):
    one, two = stage.package("1"), stage.package("2")
    result = stage.deploy(one, first=True)
    assert (result.verdict, result.share, result.champion) == (Verdict.PASS, 0.0, None)
    assert ask(result.url).status == 503
    stage.live(one)
    result = stage.deploy(two)
    assert (result.verdict, result.share, result.champion) == (Verdict.PASS, 0.0, one.deployment)
    assert stage.serving() == one.deployment
    assert ask(f"{result.direct_url}/healthcheck").told["deployment"] == two.deployment
    assert ask(f"{result.url}/api/v1/feedback", body=b"{}").told["deployment"] == "collector"
    told = site_tasks.status(stage.site)
    assert told.problems == ()
    assert [(d.role, d.share) for d in told.deployments] == [("champion", 1.0), ("challenger", 0.0)]


def test_deploying_again_changes_nothing_and_heals_what_does_not_run(stage):
    one = stage.package("1")
    stage.live(one)
    name = f"model-{one.deployment}"
    pids, revision = (pid_of(stage.site, name), pid_of(stage.site, "gateway")), routes.read(stage.site).revision
    assert stage.deploy(one).share == 1.0
    assert (pid_of(stage.site, name), pid_of(stage.site, "gateway")) == pids
    assert routes.read(stage.site).revision == revision
    kill(supervisor_pid(stage.site))
    kill(pids[0])
    assert stage.deploy(one).share == 1.0
    assert stage.serving() == one.deployment


def test_without_a_champion_first_must_be_said_and_nothing_is_started(stage):
    with pytest.raises(OrderError, match="say --first"):
        stage.deploy(stage.package("1"))
    assert client.observe(stage.site) == {}


def test_an_undecided_challenger_makes_room_and_the_previous_champion_stays(stage):
    packages = [stage.package(str(n)) for n in range(4)]
    zero, one, two, three = (p.deployment for p in packages)
    stage.live(packages[0])
    stage.deploy(packages[1])
    change(stage, lambda r: routes.promote(r, one))
    stage.deploy(packages[2])
    stage.deploy(packages[3])
    assert {a.deployment for a in routes.read(stage.site).arms} == {zero, one, three}
    assert f"model-{two}" not in client.observe(stage.site)
    assert sorted(p.name for p in stage.site.deployments.iterdir()) == sorted([zero, one, three])


def test_while_an_experiment_runs_another_challenger_is_refused(stage):
    one, two, three = (stage.package(v) for v in "123")
    stage.live(one)
    stage.deploy(two)
    change(stage, lambda r: routes.set_share(r, two.deployment, 500))
    with pytest.raises(OrderError, match=r"an experiment is running .* has 5 % of the traffic"):
        stage.deploy(three)
    assert stage.deploy(two).share == 0.05


def test_a_model_that_cannot_be_loaded_is_told_and_leaves_nothing(stage):
    stage.live(stage.package("1"))
    before, broken = routes.read(stage.site), stage.package("2", broken="")
    with pytest.raises(ToolError, match="this model cannot be loaded: no such column"):
        stage.deploy(broken)
    assert routes.read(stage.site) == before
    assert f"model-{broken.deployment}" not in client.observe(stage.site)
    assert not (stage.site.deployments / broken.deployment).exists()


ACCEPT = """
import json, os, urllib.request

def test_the_model_is_there():
    told = json.load(urllib.request.urlopen(os.environ["MODEL_URL"] + "/x"))
    assert told["deployment"] == os.environ["DEPLOYMENT"]
    assert told["headers"]["x-legion-purpose"] == "direct"

def test_the_version_is_right():
    assert os.environ["MODEL_VERSION"] == "1", "only version 1 is any good"
"""


def test_a_model_that_the_teams_tests_accept_goes_live_and_one_that_they_do_not_is_removed(stage):
    stage.tests(ACCEPT)
    one, two = stage.package("1"), stage.package("2")
    result = stage.live(one, tests="accept.py")
    assert result.share == 1.0
    assert [t.outcome for t in result.tests] == ["passed", "passed"]
    result = stage.deploy(two, tests="accept.py")
    assert (result.verdict, result.reason) == (Verdict.FAIL, "tests_failed")
    assert [t.outcome for t in result.tests] == ["passed", "failed"]
    assert "1 of 2 acceptance tests failed (test_the_version_is_right: " in result.summary
    assert "only version 1 is any good" in result.tests[1].message
    assert routes.read(stage.site).arm(two.deployment) is None
    assert f"model-{two.deployment}" not in client.observe(stage.site)
    assert stage.serving() == one.deployment


WITH_TOKEN = """
import os, urllib.error, urllib.request
import pytest

def asked(**headers):
    return urllib.request.urlopen(urllib.request.Request(os.environ["MODEL_URL"] + "/x", headers=headers)).status

def test_it_is_asked_with_the_token():
    assert asked(Authorization="Bearer " + os.environ["MODEL_TOKEN"]) == 200

def test_without_it_nobody_is_answered():
    with pytest.raises(urllib.error.HTTPError, match="401"):
        asked()
"""


def test_the_teams_tests_are_given_a_token_where_one_is_asked_for(stage):
    stage.tests(WITH_TOKEN)
    result = stage.live(stage.package("1"), tests="accept.py", auth=AuthSettings(role="analyst"))
    assert [(t.outcome, t.message) for t in result.tests] == [("passed", "")] * 2


def test_a_foreign_issuers_token_for_the_teams_tests_must_be_named(stage):
    (stage.repository / "keys.json").write_text('{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}')
    stage.tests(WITH_TOKEN)
    with pytest.raises(ConfigurationError, match=r"deploy\.auth\.token: .* tests have none; say where one is"):
        stage.live(stage.package("1"), tests="accept.py", auth=AuthSettings(jwks="keys.json"))
    assert routes.read(stage.site).arms == ()


def test_when_no_test_is_found_nothing_is_decided_and_a_first_model_gets_no_traffic(stage):
    stage.tests("")
    one = stage.package("1")
    result = stage.live(one, tests="accept.py")
    assert (result.verdict, result.reason, result.share) == (Verdict.INCONCLUSIVE, "no_tests", 0.0)
    assert ask(result.url).status == 503
    stage.tests("def test_it(): pass")
    assert stage.live(one, tests="accept.py").share == 1.0


def test_tests_that_do_not_end_are_an_error_and_the_deployment_is_removed(stage):
    stage.tests("import time\ndef test_it(): time.sleep(60)")
    one = stage.package("1")
    with pytest.raises(ToolError, match=r"did not end within 1\.5 s"):
        stage.live(one, tests="accept.py", tests_timeout=1.5)
    assert routes.read(stage.site).arms == ()


def test_tests_that_are_not_there_are_a_configuration_error(stage):
    with pytest.raises(ConfigurationError, match=r"deploy\.tests: pytest cannot run these tests"):
        stage.live(stage.package("1"), tests="nowhere.py")


def test_a_port_that_another_program_has_is_named_with_the_program(stage):
    port = free_port()
    with subprocess.Popen([sys.executable, str(SERVER), "--port", str(port)]) as other:
        while ask(f"http://127.0.0.1:{port}/").status != 200:
            pass
        with pytest.raises(ConfigurationError) as caught:
            stage.live(stage.package("1"), port=port)
        assert f"deploy.port: port {port} is in use by process {other.pid} (python" in str(caught.value)
        assert other.poll() is None
        other.kill()
    assert stage.live(stage.package("1"), port=port).url == f"http://127.0.0.1:{port}"


def test_a_model_servers_port_that_was_taken_meanwhile_is_chosen_anew(stage):
    one = stage.package("1")
    stage.live(one)
    endpoint = routes.read(stage.site).champion_arm.endpoint
    client.stop_all(stage.site)
    with subprocess.Popen([sys.executable, str(SERVER), "--port", endpoint.rpartition(":")[2]]) as other:
        while ask(f"http://{endpoint}/").status != 200:
            pass
        site_tasks.up(stage.site, QUIET, stage.place)
        assert routes.read(stage.site).champion_arm.endpoint != endpoint
        assert stage.serving() == one.deployment
        other.kill()


def test_a_package_that_was_changed_is_refused(stage):
    one = stage.package("1")
    (one.folder / "artefact" / "legion.project.yaml").write_text("something else")
    with pytest.raises(OrderError, match="was changed after it was made"):
        stage.live(one)


def test_two_deployments_to_one_site_at_once_are_refused(stage):
    with locked(stage.site.locks / "deploy.lock"), pytest.raises(OrderError, match="is in use by process"):
        stage.live(stage.package("1"))


def test_after_everything_was_killed_status_says_so_and_up_brings_it_back(stage):
    one, two = stage.package("1"), stage.package("2")
    stage.live(one)
    stage.deploy(two)
    change(stage, lambda r: routes.set_share(r, two.deployment, 2500))
    before = routes.read(stage.site)
    names = [f"model-{one.deployment}", f"model-{two.deployment}", "gateway", "collector"]
    for pid in (supervisor_pid(stage.site), *(pid_of(stage.site, name) for name in names)):
        kill(pid)
    told = site_tasks.status(stage.site)
    assert len(told.problems) == 4
    assert f"{one.deployment} should run and does not; run legion-ci up" in told.text()
    assert "25.0%" in told.text()
    assert one.deployment in site_tasks.up(stage.site, QUIET, stage.place).text()
    assert site_tasks.status(stage.site).problems == ()
    assert routes.read(stage.site).segments == before.segments
    # Envoy, started together with the servers, sends users to the champion until it has seen the challenger ready.
    eventually(lambda: answering(stage, 40) == {one.deployment, two.deployment})


def test_undeploy_stops_everything_such_that_up_brings_it_back(stage):
    one = stage.package("1")
    stage.live(one)
    pids = [pid_of(stage.site, n) for n in client.observe(stage.site)] + [supervisor_pid(stage.site)]
    assert "legion-ci up brings it back" in site_tasks.undeploy(stage.site, None, QUIET).text()
    assert not any(alive(pid) for pid in pids)
    assert site_tasks.status(stage.site).deployments[0].server.phase == "stopped"
    site_tasks.up(stage.site, QUIET, stage.place)
    assert stage.serving() == one.deployment


def test_undeploy_removes_one_deployment_and_refuses_the_champion_while_there_are_others(stage):
    one, two = stage.package("1"), stage.package("2")
    stage.live(one)
    stage.deploy(two)
    change(stage, lambda r: routes.set_share(r, two.deployment, 5000))
    with pytest.raises(OrderError, match="is the champion and other deployments exist"):
        site_tasks.undeploy(stage.site, one.deployment, QUIET)
    assert f"{one.deployment} has its traffic" in site_tasks.undeploy(stage.site, two.deployment, QUIET).text()
    assert {ask(stage.url, {"x-legion-unit": f"u{n}"}).status for n in range(20)} == {200}
    assert "no model is left" in site_tasks.undeploy(stage.site, one.deployment, QUIET).text()
    assert ask(stage.url).status == 503
    with pytest.raises(OrderError, match="deployed is nothing"):
        site_tasks.undeploy(stage.site, one.deployment, QUIET)


def test_routes_that_are_not_in_force_yet_are_told_and_put_in_force_by_up(stage):
    one, two = stage.package("1"), stage.package("2")
    stage.live(one)
    stage.deploy(two)
    routes.change(stage.site, lambda r: routes.promote(r, two.deployment))
    assert site_tasks.status(stage.site).problems == ("the gateway works by older routes; run legion-ci up",)
    site_tasks.up(stage.site, QUIET, stage.place)
    assert site_tasks.status(stage.site).problems == ()
    assert stage.serving() == two.deployment


def test_another_unit_header_is_refused_during_an_experiment(stage):
    one, two = stage.package("1"), stage.package("2")
    stage.live(one)
    stage.deploy(two)
    change(stage, lambda r: routes.set_share(r, two.deployment, 500))
    with pytest.raises(OrderError, match="x-legion-unit to x-tail-number during an experiment"):
        stage.deploy(two, unit_header="x-tail-number")


def test_an_empty_site_has_nothing_to_show_or_to_bring_up(stage):
    assert "nothing is deployed" in site_tasks.status(stage.site).text()
    with pytest.raises(OrderError, match="run legion-ci deploy first"):
        site_tasks.up(stage.site, QUIET, stage.place)
