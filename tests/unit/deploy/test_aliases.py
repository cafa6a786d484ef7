"""The registry's aliases after what happens at the gateway, with a real registry in SQLite."""

import msgspec
import pytest
from deploy_gateway import QUIET

from legion_ci import aliases
from legion_ci.core.site import Site
from legion_ci.gateway import routes
from legion_ci.gateway.routes import Arm
from legion_ci.results import Artefact, ModelRef
from legion_ci.settings.schema import StoreSettings
from legion_ci.store.mlflow import Store


def arm(version: str) -> Arm:
    model = ModelRef(name="wine", version=version, artefact=Artefact(uri="file:///nowhere", digest="ab" * 32))
    return Arm(deployment=f"wine-{version}", model=model, endpoint="127.0.0.1:1")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site with three registered versions."""
    site = Site(tmp_path_factory.mktemp("aliases") / "site", "wine")
    site.path.mkdir()
    client = Store.open(site, None, None).client
    client.create_registered_model("wine")
    for _ in range(3):
        client.create_model_version("wine", "file:///nowhere")
    return site


def follow(site: Site, edit=lambda r: r) -> dict[str, str]:
    """The aliases after a change of the routes."""
    routes.change(site, edit)
    aliases.follow(site, StoreSettings(), QUIET)
    return {k: str(v) for k, v in Store.open(site, None, None).client.get_registered_model("wine").aliases.items()}


def test_they_name_who_is_champion_and_challenger_at_every_moment(site):
    def with_arm(version):
        return lambda r: msgspec.structs.replace(r, arms=(*r.arms, arm(version)))

    assert follow(site) == {}
    assert follow(site, with_arm("1")) == {"challenger": "1"}
    assert follow(site, lambda r: routes.promote(r, "wine-1")) == {"champion": "1"}
    assert follow(site, with_arm("2")) == {"champion": "1", "challenger": "2"}
    assert follow(site, lambda r: routes.promote(r, "wine-2")) == {"champion": "2"}
    assert follow(site, with_arm("3")) == {"champion": "2", "challenger": "3"}
    gone = follow(site, lambda r: msgspec.structs.replace(r, arms=tuple(a for a in r.arms if a.deployment != "wine-3")))
    assert gone == {"champion": "2"}


def test_the_registry_is_asked_only_when_something_changed(site, monkeypatch):
    monkeypatch.setattr(Store, "point", lambda *_: pytest.fail("it was asked"))
    aliases.follow(site, StoreSettings(), QUIET)


def test_a_registry_out_of_reach_is_told_and_tried_again(tmp_path, capsys):
    from legion_ci.core.progress import Progress
    from legion_ci.core.tools import Tools

    site = Site(tmp_path, "wine")
    routes.change(site, lambda r: msgspec.structs.replace(r, arms=(arm("1"),)))
    for _ in range(2):
        aliases.follow(site, StoreSettings(tracking_uri="http://127.0.0.1:9"), Tools(progress=Progress()))
        assert "aliases do not follow yet" in capsys.readouterr().err


def test_the_site_of_a_branch_has_none(tmp_path, monkeypatch):
    site = Site(tmp_path, "wine", branch="pr-1")
    routes.change(site, lambda r: msgspec.structs.replace(r, arms=(arm("1"),)))
    monkeypatch.setattr(Store, "open", lambda *_: pytest.fail("it was asked"))
    aliases.follow(site, StoreSettings(), QUIET)
