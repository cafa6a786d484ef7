"""The site of a branch: beside the main one, reading its champion, never writing it, gone when told so."""

import types

import msgspec
import pytest

from legion_ci import door, pipeline
from legion_ci.branch import stage
from legion_ci.context import Context
from legion_ci.core.errors import ConfigurationError
from legion_ci.core.secrets import Secrets
from legion_ci.core.shell import Shell
from legion_ci.core.tools import Tools
from legion_ci.facts import gather
from legion_ci.gateway import routes
from legion_ci.results import PromoteResult, Record, Verdict, encode
from legion_ci.runs import Run
from legion_ci.settings.load import load
from legion_ci.store.mlflow import Store

BRANCH = ("site.branch=pr-12",)


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "model" / "legion.yaml"
    file.parent.mkdir()
    file.write_text(
        f"model: {{name: wine}}\nsite: {{path: {tmp_path}/site}}\ndeploy: {{port: 8080}}\npromote: {{in_build: 2h}}\n"
    )
    return file


@pytest.fixture
def tools():
    secrets = Secrets()
    return Tools(secrets=secrets, shell=Shell(secrets))


def test_a_branch_has_a_site_of_its_own_beside_the_main_one_and_no_fixed_port(model, tmp_path):
    main, branch = load(model), load(model, BRANCH)
    assert main.site == main.main_site == branch.main_site
    assert branch.site.path == tmp_path / "site-branches" / "pr-12"
    assert (main.settings.deploy.port, branch.settings.deploy.port) == (8080, None)


def test_a_branch_reads_the_champion_of_the_main_site(model, tools, monkeypatch):
    asked = []
    monkeypatch.setattr(routes, "read", lambda site: asked.append(site) or types.SimpleNamespace(champion_arm=None))
    loaded = load(model, BRANCH)
    assert Context(loaded, Run(model.parent), tools).champion is None
    assert asked == [loaded.main_site]


def test_nothing_is_promoted_from_a_branch(model, tools):
    context = Context(load(model, BRANCH), Run(model.parent / "run"), tools)
    with pytest.raises(ConfigurationError, match="the branch pr-12 has no users to promote to"):
        pipeline.execute(pipeline.stage_named("promote"), context)


def test_the_site_of_a_branch_is_removed_and_the_main_one_stays(model, tools, tmp_path, capsys):
    for folder in ("site", "site-branches/pr-12", "site-branches/pr-13"):
        (tmp_path / folder / "store").mkdir(parents=True)
    assert stage.remove(tools, str(model), BRANCH) == 0
    assert "removed" in capsys.readouterr().out
    assert sorted(p.name for p in (tmp_path / "site-branches").iterdir()) == ["pr-13"]
    assert (tmp_path / "site" / "store").is_dir()
    assert stage.remove(tools, str(model), BRANCH) == 0
    assert "has no site" in capsys.readouterr().out


def test_a_branch_has_a_name_of_its_own_in_the_registry_and_takes_it_along(model, tools, tmp_path, capsys):
    uri = f"sqlite:///{tmp_path}/tracking.db"
    server = (f"store.tracking_uri={uri}",)
    for sets in (server, (*server, *BRANCH)):
        loaded = load(model, sets)
        loaded.site.path.mkdir(parents=True)
        store = Store.open(loaded.site, uri, None)
        store.register(store.start_run("a training", {}), {})
    client = store.client
    assert sorted(m.name for m in client.search_registered_models()) == ["wine", "wine.pr-12"]
    assert [v.version for v in client.search_model_versions("name = 'wine'")] == [1]
    assert stage.remove(tools, str(model), (*server, *BRANCH)) == 0
    assert [m.name for m in client.search_registered_models()] == ["wine"]
    assert len(client.search_runs([client.get_experiment_by_name("wine").experiment_id])) == 2
    loaded.site.path.mkdir(parents=True)
    assert stage.remove(tools, str(model), (*server, *BRANCH)) == 0  # a branch that registered nothing


def test_the_main_site_cannot_be_removed(model, capsys):
    assert door.enter("branch.stage:remove", {"settings": str(model), "sets": ()}) == 2
    assert "only the site of a branch can be removed" in capsys.readouterr().err


def test_a_name_that_would_leave_the_folder_is_refused(model):
    for name in ("../site", "a/b", "", "."):
        with pytest.raises(ConfigurationError, match="site.branch"):
            load(model, (f"site.branch='{name}'",))


def test_jenkins_is_told_how_long_a_build_may_wait_for_a_promotion(model, tmp_path):
    run = Run(tmp_path / "run")
    held = PromoteResult(
        verdict=Verdict.INCONCLUSIVE, action="hold", deployment="wine-1", next_look_at="2026-11-21T13:00:00Z"
    )
    run.write(
        Record(
            schema_version=1, stage="promote", run="run", started_at="", ended_at="", seconds=0, host="", inputs={},
            input_digest="", tools={}, result=msgspec.Raw(encode(held)),
        )
    )  # fmt: skip
    told = gather(run, load(model).settings)
    assert (told["promote.in_build_s"], told["promote.look_every_s"]) == ("7200", "60")
    assert told["promote.next_look_at"] == "2026-11-21T13:00:00Z"
    assert gather(run, load(model, ("promote.in_build=0s",)).settings)["promote.in_build_s"] == "0"
