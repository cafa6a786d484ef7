import io
import socket

import pytest
from perf_runs import deployed, perf
from perf_servers import serving

from legion_ci.core.errors import ConfigurationError, ServiceError
from legion_ci.perf.question import ask
from legion_ci.settings.schema import PerfSettings

LOOPBACK = "http://127.0.0.1:1"


def test_everything_wrong_with_the_settings_is_told_at_once_and_no_load_is_sent(tmp_path):
    settings = PerfSettings(
        budgets=("p98 < 1s", "errors < 2"), locustfile="load.py", data="rows.csv", duration=2.0, warmup=3.0
    )
    with pytest.raises(ConfigurationError) as caught:
        ask(settings, tmp_path, deployed("http://models.example.com:8080/model/wine-1"))
    where = [p.where for p in caught.value.problems]
    assert where == ["perf.budgets[0]", "perf.budgets[1]", "perf", "perf.duration", "perf.locustfile", "perf.data"]


@pytest.mark.parametrize("host", ["10.0.0.1", "example.com", "0.0.0.0", "[2001:db8::1]"])
def test_only_this_machine_is_loaded(tmp_path, host):
    with pytest.raises(ConfigurationError, match="is not on this machine"):
        ask(PerfSettings(), tmp_path, deployed(f"http://{host}:80"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost", "[::1]"])
def test_every_loopback_address_is_this_machine(tmp_path, host):
    assert ask(PerfSettings(rate=200), tmp_path, deployed(f"http://{host}:80")).locustfile is None


def test_a_plan_that_could_never_pass_is_refused_before_anything_is_sent(tmp_path):
    with pytest.raises(ConfigurationError, match=r"the shortest perf\.duration that could is \d+s"):
        ask(PerfSettings(rate=200, duration=15, budgets=("errors < 0.1%",)), tmp_path, deployed(LOOPBACK))


def test_the_plan_of_an_own_locustfile_is_not_refused_before_its_kind_is_known(tmp_path):
    (tmp_path / "locustfile.py").write_text("")
    question = ask(PerfSettings(rate=200, duration=15, budgets=("errors < 0.1%",)), tmp_path, deployed(LOOPBACK))
    assert question.locustfile == (tmp_path / "locustfile.py").resolve()
    assert len(question.refused) == 1


def test_a_server_that_is_down_is_a_service_that_cannot_be_reached(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ServiceError, match="cannot be reached"):
        perf(tmp_path, f"http://127.0.0.1:{port}", rate=200)


def test_a_gateway_with_nothing_behind_it_is_not_loaded(tmp_path):
    with serving(health=503) as server, pytest.raises(ServiceError, match="is not ready"):
        perf(tmp_path, server.url, rate=200)
    assert server.asked.invoked == 0


def test_a_locustfile_that_is_not_python_is_told_with_file_line_and_column(tmp_path):
    (tmp_path / "locustfile.py").write_text("import locust\n\ndef broken(:\n")
    with serving() as server, pytest.raises(ConfigurationError, match=r"locustfile\.py:3:12: is not Python"):
        perf(tmp_path, server.url)
    assert server.asked.invoked == 0


def test_progress_names_the_target_and_the_locustfile(tmp_path):
    told = io.StringIO()
    (tmp_path / "locustfile.py").write_text("(")
    with serving() as server, pytest.raises(ConfigurationError):
        perf(tmp_path, server.url, told)
    assert f"loading {server.url} for 30 s with locustfile.py" in told.getvalue()
