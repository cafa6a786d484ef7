"""A real Envoy: what users and servers behind it see."""

import json
import threading

import msgspec
import pytest
from deploy_gateway import QUIET, Gateway
from deploy_site import eventually, kill, pid_of, running_site
from envoy_hash import arms_of

from legion_ci.core.errors import ServiceError
from legion_ci.gateway import admin, apply, process, routes
from legion_ci.gateway.routes import promote, remove_arm, set_share
from legion_ci.supervise import client

UNITS = [f"user-{n}" for n in range(300)]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One Envoy for this file. The long folder makes its socket's path longer than the system allows."""
    with running_site(tmp_path_factory.mktemp("a-long-name-" * 8)) as site:
        gateway = Gateway(site)
        gateway.start(["champion", "a", "b"])
        yield gateway


@pytest.fixture
def gateway(running):
    """The champion at 100 % of a fresh experiment."""
    running.change(lambda r: msgspec.structs.replace(promote(r, "champion"), experiment="one", mirror=None, step=""))
    return running


def share(gateway: Gateway, **percent: int) -> None:
    def edit(current):
        for name, value in percent.items():
            current = set_share(current, name, value * 100)
        return current

    gateway.change(edit)


def test_the_administration_is_a_socket_file_of_the_user_alone(gateway):
    path = gateway.site.gateway / "admin.sock"
    assert path.is_socket()
    assert path.stat().st_mode & 0o077 == 0
    assert len(str(path)) > 108
    assert admin.answers(gateway.site)


def test_a_client_cannot_say_which_arm_it_is_or_whether_it_counts(gateway):
    seen = gateway.ask(
        x_legion_arm="b", x_legion_share="1", x_legion_experiment="mine", x_legion_step="100", x_legion_purpose="perf"
    ).seen
    assert seen["x-legion-arm"] == "champion"
    assert (seen["x-legion-share"], seen["x-legion-experiment"]) == ("1", "one")
    assert "x-legion-step" not in seen
    assert "x-legion-purpose" not in seen


def test_a_client_cannot_steer_envoy(gateway):
    answer = gateway.ask("/?sleep=0.1", x_envoy_upstream_rq_timeout_ms="1", x_envoy_max_retries="99")
    assert answer.status == 200
    assert {name for name in answer.seen if name.startswith("x-envoy")} <= {"x-envoy-external-address"}


def test_each_arm_is_told_its_share_experiment_and_step(gateway):
    share(gateway, a=25)
    gateway.change(lambda r: msgspec.structs.replace(r, step="25"))
    seen = {unit: gateway.ask(unit=unit) for unit in UNITS[:40]}
    told = {
        (a.told["deployment"], a.seen["x-legion-arm"], a.seen["x-legion-share"], a.seen["x-legion-step"])
        for a in seen.values()
    }
    assert told == {("a", "a", "0.25", "25"), ("champion", "champion", "0.75", "25")}


@pytest.mark.parametrize(("said", "seen"), [(None, "direct"), ("perf", "direct"), ("shadow", "direct")])
def test_a_direct_request_is_marked_whatever_it_says_itself(gateway, said, seen):
    headers = {"x_legion_purpose": said} if said else {}
    answer = gateway.ask("/model/b/api/model/info?x=1", **headers)
    assert answer.told["path"] == "/api/model/info?x=1"
    assert (answer.seen["x-legion-arm"], answer.seen["x-legion-purpose"]) == ("b", seen)
    assert "x-legion-share" not in answer.seen


def test_what_is_not_deployed_is_a_404_with_a_reason(gateway):
    answer = gateway.ask("/model/nobody/healthcheck")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
    assert json.loads(answer.body) == {"message": "there is no such deployment here"}


def test_the_request_id_is_the_clients_in_request_answer_and_log(gateway):
    answer = gateway.ask(request_id="my-own-id")
    assert answer.headers["request-id"] == "my-own-id"
    assert answer.seen["request-id"] == answer.seen["x-request-id"] == "my-own-id"
    log = gateway.site.gateway / "access.log"
    eventually(lambda: "my-own-id" in log.read_text())
    line = next(json.loads(x) for x in log.read_text().splitlines() if "my-own-id" in x)
    assert (line["request_id"], line["arm"], line["code"], line["experiment"]) == ("my-own-id", "champion", 200, "one")
    assert line["duration_ms"] >= 0


def test_a_request_without_an_id_gets_one_of_its_own(gateway):
    answers = [gateway.ask() for _ in range(30)]
    assert all(a.headers["request-id"] == a.seen["request-id"] == a.seen["x-request-id"] for a in answers)
    assert len({a.headers["request-id"] for a in answers}) == 30


def test_users_stay_in_their_arm_and_shares_are_kept(gateway):
    share(gateway, a=10)
    first, second = gateway.arms(UNITS), gateway.arms(UNITS)
    assert first == second
    assert 10 <= list(first.values()).count("a") <= 55  # 30 expected, sd 5.2


def test_requests_without_a_unit_are_split_by_their_id(gateway):
    share(gateway, a=50)
    arms = [gateway.ask().seen["x-legion-arm"] for _ in range(200)]
    assert 65 <= arms.count("a") <= 135  # 100 expected, sd 7.1
    assert len({gateway.ask(request_id="same").seen["x-legion-arm"] for _ in range(10)}) == 1


def test_a_growing_arm_takes_only_from_the_champion_also_with_two_challengers(gateway):
    share(gateway, a=10, b=10)
    before = gateway.arms(UNITS)
    share(gateway, a=40)
    after = gateway.arms(UNITS)
    assert {(before[u], after[u]) for u in UNITS if before[u] != after[u]} == {("champion", "a")}
    share(gateway, a=10)
    assert gateway.arms(UNITS) == before


def test_envoy_gives_each_unit_the_arm_that_its_hash_says(gateway):
    share(gateway, a=25)
    share(gateway, b=15)
    units = [f"unit {n}" for n in range(300)]
    assert gateway.arms(units) == arms_of(routes.read(gateway.site), units)


def test_two_experiments_assign_independently(gateway):
    share(gateway, a=50)
    one = gateway.arms(UNITS)
    gateway.change(lambda r: msgspec.structs.replace(r, experiment="two"))
    two = gateway.arms(UNITS)
    same = sum(one[u] == two[u] for u in UNITS)
    assert 105 <= same <= 195  # 150 expected, sd 8.7


def test_a_mirrored_copy_is_marked_and_its_answer_dropped(gateway):
    gateway.change(lambda r: msgspec.structs.replace(r, mirror="a", step="shadow"))
    answer = gateway.ask(unit="u", request_id="mirrored")
    assert answer.told["deployment"] == "champion"
    assert "x-legion-purpose" not in answer.seen
    eventually(lambda: gateway.ask("/model/a/seen").told["shadows"] == ["mirrored"])


def test_no_request_fails_while_shares_and_deployments_change(gateway):
    statuses, stop = [], threading.Event()

    def load(name: str) -> None:
        while not stop.is_set():
            statuses.append(gateway.ask(unit=f"{name}-{len(statuses)}").status)

    threads = [threading.Thread(target=load, args=(name,)) for name in "xyz"]
    for thread in threads:
        thread.start()
    for percent in (5, 25, 50, 100, 50, 5):
        share(gateway, a=percent)
    arm = routes.read(gateway.site).arm("a")
    gateway.change(lambda r: remove_arm(r, "a"))
    gateway.change(lambda r: set_share(routes.add_arm(r, arm), "a", 3000))
    gateway.change(lambda r: promote(r, "a"))
    gateway.change(lambda r: promote(r, "champion"))
    stop.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}
    assert len(statuses) > 30


def test_a_request_in_flight_is_finished_when_its_arm_is_removed(gateway):
    share(gateway, a=100)
    arm = routes.read(gateway.site).arm("a")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(gateway.ask("/?sleep=1.0", unit="slow")))
    thread.start()
    eventually(lambda: gateway.ask("/model/a/seen").told["busy"])
    gateway.change(lambda r: remove_arm(r, "a"))
    thread.join()
    gateway.change(lambda r: routes.add_arm(r, arm))
    assert [a.status for a in answers] == [200]
    assert answers[0].told["deployment"] == "a"


def test_a_dead_challenger_fails_no_users_request(gateway):
    share(gateway, a=50)
    client.remove(gateway.site, ["a"])
    try:
        answers = [gateway.ask(unit=unit) for unit in UNITS[:60]]
        assert {a.status for a in answers} == {200}
        assert {a.told["deployment"] for a in answers} == {"champion"}
        assert gateway.ask("/model/a/healthcheck").status == 503
    finally:
        gateway.change(lambda r: set_share(r, "a", 0))
        gateway.restart("a")


def test_a_change_while_the_gateway_is_down_is_kept_and_in_force_when_it_is_back(gateway):
    client.remove(gateway.site, [process.NAME])
    with pytest.raises(ServiceError, match="run legion-ci up"):
        gateway.change(lambda r: promote(r, "b"))
    apply.write(gateway.site)
    client.apply(gateway.site, {process.NAME: process.process(gateway.site)})
    assert gateway.ask().told["deployment"] == "b"


def test_a_crash_between_document_and_files_is_healed_by_the_next_sync(gateway):
    routes.change(gateway.site, lambda r: promote(r, "b"))
    assert gateway.ask().told["deployment"] == "champion"
    apply.sync(gateway.site, tools=QUIET)
    assert gateway.ask().told["deployment"] == "b"


def test_a_killed_envoy_comes_back_with_the_same_routes(gateway):
    share(gateway, a=30)
    before = gateway.arms(UNITS[:50])
    kill(pid_of(gateway.site, process.NAME))
    eventually(lambda: gateway.ask().status == 200)
    assert gateway.arms(UNITS[:50]) == before


def test_files_that_envoy_refuses_leave_the_old_routes_in_force(gateway):
    def write() -> None:
        new = gateway.site.gateway / "new"
        new.write_text("resources: [{")
        new.replace(gateway.site.gateway / "rds.yaml")

    with pytest.raises(ServiceError, match="refused"):
        admin.put(gateway.site, "rds.yaml", "9.9", write)
    assert gateway.ask().status == 200
    apply.sync(gateway.site, tools=QUIET)
