"""jenkins.doctor and every way in which a server may not be what it should: each is said with what to do."""

import http.server
import json
import socket
import threading

import jenkins_server
import pytest
from jenkins_state import State

from legion_ci.jenkins import doctor

EVERYTHING = [
    *doctor.REQUIRED, *doctor.OPTIONAL, "pipeline-groovy-lib", "workflow-multibranch", "branch-api", "cloudbees-folder",
    "configuration-as-code",
]  # fmt: skip


@pytest.fixture
def healthy(jenkins, call, model):
    jenkins.state.plugins = dict.fromkeys(EVERYTHING, "1.0")
    jenkins.state.libraries = [{"name": "legion-ci", "defaultVersion": "v0.1.0"}]
    call("job")
    return jenkins


def wrong(out):
    return [line[7:] for line in out.splitlines() if line.startswith("wrong")]


def notes(out):
    return [line[7:] for line in out.splitlines() if line.startswith("note")]


def test_a_server_without_faults_gets_only_ok(healthy, call):
    code, out, _ = call("check")
    assert (code, wrong(out), len(notes(out))) == (0, [], 0), out
    assert "it calls itself" not in out
    assert "optional" not in out
    assert "library legion-ci, version v0.1.0" in out


def test_everything_that_is_wrong_is_said_at_once(healthy, call):
    healthy.state.plugins = {"git": "5", "configuration-as-code": "1"}
    healthy.state.libraries = [{"name": "other"}]
    healthy.state.nodes = [{"displayName": "a1", "offline": True, "numExecutors": 2, "offlineCauseReason": "no disk"}]
    healthy.state.quiet = True
    code, out, _ = call("check")
    assert code == 6  # of the first: it is about to shut down
    told = " | ".join(wrong(out))
    for part in (
        "shut down",
        "Pipeline: Job (workflow-job)",
        "Groovy Libraries",
        "no global library legion-ci (there are other)",
        "no node has an executor",
    ):
        assert part in told
    assert any("a1 is offline (no disk)" in n for n in notes(out))
    assert sum("optional plug-in" in n for n in notes(out)) == len(doctor.OPTIONAL)


def test_plugins_that_a_setting_needs_are_asked_for(healthy, call):
    healthy.state.plugins.pop("workflow-multibranch")
    code, out, _ = call("check")
    assert (code, wrong(out)) == (4, ["required plug-ins are missing: Pipeline: Multibranch (workflow-multibranch)"])


def test_a_job_that_differs_is_named_with_what_differs(healthy, call):
    healthy.state.items["Models/Flights/flight-delay"].root.find("factory/scriptPath").text = "Other"
    _, out, _ = call("check")
    assert any("flight-delay differs (" in n and "factory/scriptPath" in n for n in notes(out))


def test_a_user_who_may_not_look_is_told_so_and_the_rest_is_looked_at(healthy, call):
    healthy.state.administrators.clear()
    code, out, _ = call("check")
    assert any("alice lacks Overall/SystemRead (403)" in n for n in notes(out))
    assert any("2 executors" in line for line in out.splitlines())
    assert code == 2  # the job's configuration cannot be read
    assert any("alice lacks Job/Configure" in w for w in wrong(out))


def test_without_configuration_as_code_the_library_is_left_to_the_reader(healthy, call):
    del healthy.state.plugins["configuration-as-code"]
    code, out, _ = call("check")
    assert code == 0
    assert any("cannot be asked here" in n for n in notes(out))


def test_a_server_without_crumbs_is_only_a_remark(healthy, call):
    healthy.state.crumbs_wanted = False
    code, out, _ = call("check")
    assert (code, any("forged requests" in n for n in notes(out))) == (0, True)


def test_json_is_for_programs(healthy, call):
    _, out, _ = call("check", json=True)
    assert {f["state"] for f in json.loads(out)} == {"ok"}


def test_what_is_not_set_is_said_at_once(call, model, monkeypatch):
    for name in ("URL", "USER", "TOKEN"):
        monkeypatch.delenv(f"JENKINS_{name}")
    code, out, _ = call("check")
    assert (code, [w.split(":")[0] for w in wrong(out)]) == (2, ["jenkins.url", "jenkins.user", "jenkins.token"])
    code, _, err = call("job")
    assert (code, len(err.splitlines())) == (2, 3)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("jenkins.example.org", "is not an address"),
        ("https://alice:secret99@jenkins.example.org/", "holds a user or a password"),
        ("https://jenkins.example.org/?a=b", "is the address of a page"),
    ],
)
def test_an_address_that_is_none_is_refused(call, model, monkeypatch, url, told):
    monkeypatch.setenv("JENKINS_URL", url)
    code, _, err = call("job")
    assert (code, told in err, "secret99" in err) == (2, True, False)


def test_a_token_in_the_settings_is_refused(call, model):
    code, _, err = call("job", sets=("jenkins.token=11b-plain",))
    assert (code, "jenkins.token: is not a reference" in err, "11b-plain" in err) == (2, True, False)


def test_a_token_may_be_in_a_file(call, model, tmp_path):
    (tmp_path / "token").write_text("11a-token-of-alice\n")
    assert call("job", sets=(f"jenkins.token=file:{tmp_path / 'token'}",))[0] == 0


def test_a_wrong_token_and_an_unknown_user_are_told_as_such(call, model, monkeypatch):
    monkeypatch.setenv("JENKINS_TOKEN", "11c-another-token")
    code, _, err = call("job")
    assert (code, "does not know user alice with this token (401)" in err, "11c" in err) == (2, True, False)


def test_a_permission_that_is_lacking_is_named(call, model, jenkins):
    jenkins.state.administrators.clear()
    code, _, err = call("job")
    assert (code, "alice lacks Job/Create (403); ask the administrator for it" in err) == (2, True)


def test_nothing_listening_is_out_of_reach(call, model, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("JENKINS_URL", f"http://127.0.0.1:{taken.getsockname()[1]}/")
        code, _, err = call("job")
    assert (code, "cannot be reached" in err) == (6, True)


class Page(http.server.BaseHTTPRequestHandler):
    status, headers_of, text = 200, {}, b"<title>Welcome to nginx</title>"
    release = threading.Event()

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.send_response(self.status)
        for name, value in self.headers_of.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.text)))
        self.end_headers()
        self.wfile.write(self.text)


def other(call, monkeypatch, sets=(), **how):
    with jenkins_server.serving(type("Other", (Page,), how)) as url:
        monkeypatch.setenv("JENKINS_URL", url)
        return call("job", sets=sets)


def test_a_server_that_is_not_jenkins_is_told_as_such(call, model, monkeypatch):
    code, _, err = other(call, monkeypatch)
    assert (code, "is not Jenkins (status 200, no header X-Jenkins)" in err) == (2, True)


def test_a_login_page_instead_of_an_answer_is_told_as_such(call, model, monkeypatch):
    code, _, err = other(call, monkeypatch, headers_of={"X-Jenkins": "2.516"})
    assert (code, "the answer is not JSON; a login page or a proxy" in err) == (6, True)


def test_a_server_that_starts_up_is_out_of_reach_for_now(call, model, monkeypatch):
    code, _, err = other(call, monkeypatch, status=503, text=b"<title>Starting Jenkins</title>")
    assert (code, "answers 503: Starting Jenkins; it may be starting up" in err) == (6, True)


def test_an_address_that_has_moved_is_named(call, model, jenkins, monkeypatch):
    code, _, err = other(call, monkeypatch, status=302, headers_of={"Location": f"{jenkins.url}api/json"})
    assert (code, f"leads to {jenkins.url}; set it to {jenkins.url}, since a POST does not follow" in err) == (2, True)
    assert jenkins.posts() == []


def test_a_server_that_does_not_answer_is_given_up(call, model, monkeypatch):
    release = threading.Event()

    def hang(self):
        release.wait(60)

    try:
        code, _, err = other(call, monkeypatch, sets=("jenkins.timeout=1s",), do_GET=hang)
    finally:
        release.set()
    assert (code, "no answer within 1 s; try again, or raise jenkins.timeout" in err) == (6, True)


def test_a_crumb_without_its_session_is_refused_by_the_tests_own_server():
    import requests

    with jenkins_server.running(State()) as server:
        login = ("alice", "wonderland-password")
        crumb = requests.get(server.url + "crumbIssuer/api/json", auth=login).json()
        headers = {crumb["crumbRequestField"]: crumb["crumb"], "Content-Type": "text/xml"}
        body = "<flow-definition/>"
        without = requests.post(server.url + "createItem?name=x", auth=login, headers=headers, data=body)
        assert (without.status_code, "No valid crumb" in without.text) == (403, True)
        session = requests.Session()
        session.auth = login
        crumb = session.get(server.url + "crumbIssuer/api/json").json()
        headers[crumb["crumbRequestField"]] = crumb["crumb"]
        assert session.post(server.url + "createItem?name=x", headers=headers, data=body).status_code == 200
