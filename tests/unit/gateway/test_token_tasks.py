"""The tasks ``token.…``, as a user calls them."""

import json
import stat

import jwt
import pytest
from deploy_gateway import QUIET

from legion_ci.core.errors import ConfigurationError
from legion_ci.deploy.stage import _auth
from legion_ci.gateway import keys as key_store
from legion_ci.gateway import revoked
from legion_ci.gateway.auth import Auth
from legion_ci.settings.load import load
from legion_ci.settings.schema import AuthSettings
from legion_ci.token import stage


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    file = tmp_path / "legion.yaml"
    file.write_text("model: {name: wine}\ndeploy: {auth: {issuer: id, audience: [models], role: analyst}}\n")
    return file


def issue(file, output="", **changed) -> int:
    said = {"subject": "ann", "sets": (), "role": "", "lifetime": "1h", **changed}
    return stage.issue(QUIET, settings=str(file), output=str(output), **said)


def site_of(file):
    return load(file, ()).site


def verified(token: str, file) -> dict:
    public = jwt.PyJWKSet.from_json(key_store.public(key_store.ensure(site_of(file))))
    key = public[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, ["ES256"], audience="models", issuer="id")


def test_an_issued_token_says_what_the_settings_ask_for(repository, capsys):
    assert issue(repository) == 0
    said = verified(capsys.readouterr().out.strip(), repository)
    assert (said["sub"], said["roleName"], said["exp"] - said["iat"]) == ("ann", ["analyst"], 3600)


def test_a_token_in_a_file_is_its_owners_alone_and_not_printed(repository, tmp_path, capsys):
    output = tmp_path / "ann.token"
    issue(repository, output, role="chief")
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert capsys.readouterr().out == ""
    assert verified(output.read_text(), repository)["roleName"] == ["chief"]


def test_a_rotation_keeps_one_old_key_and_prints_no_private_part(repository, capsys):
    seen = []
    for rotate in (False, True, True):
        stage.keys(QUIET, settings=str(repository), sets=(), rotate=rotate)
        seen.append(json.loads(capsys.readouterr().out)["keys"])
    ids = [[key["kid"] for key in one] for one in seen]
    assert [len(one) for one in ids] == [1, 2, 2]
    assert (ids[1][1], ids[2][1]) == (ids[0][0], ids[1][0])
    assert not any("d" in key for one in seen for key in one)


def test_revoking_adds_to_the_list_once(repository):
    for _ in range(2):
        stage.revoke(QUIET, settings=str(repository), sets=(), jti="t-1", subject="ann")
    assert revoked.read(site_of(repository)) == revoked.Revoked(jti=("t-1",), sub=("ann",))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"lifetime": "soon"}, "--lifetime: is no duration"),
        ({"subject": ""}, "--subject: is empty"),
        ({"sets": ("deploy.auth.jwks=k.json",)}, r"deploy\.auth\.jwks: the gateway accepts the keys of k\.json"),
    ],
)
def test_a_token_that_cannot_be_issued_says_why(repository, changed, told):
    with pytest.raises(ConfigurationError, match=told):
        issue(repository, **changed)


def test_a_file_of_keys_is_looked_for_in_the_model_repository(tmp_path):
    told = AuthSettings(issuer="id", audience=("models",), jwks="keys/public.json", clock_skew=30.0)
    kept = _auth(told, tmp_path)
    assert kept == Auth(
        issuer="id", audiences=("models",), jwks=str((tmp_path / "keys/public.json").resolve()), clock_skew_s=30
    )
    assert _auth(told.model_copy(update={"jwks": "https://id/keys"}), tmp_path).url == "https://id/keys"
    assert _auth(None, tmp_path) is None
