"""Envoy's files: golden, and taken by Envoy's own validation. LEGION_UPDATE_GOLDEN=1 writes the golden files anew."""

import json
import os
import subprocess
from pathlib import Path

import msgspec
import pytest
import yaml
from deploy_site import model_ref
from hypothesis import given, settings
from hypothesis import strategies as st

from legion_ci.gateway import process
from legion_ci.gateway.auth import Auth, Trust
from legion_ci.gateway.document import version_of
from legion_ci.gateway.render import render
from legion_ci.gateway.revoked import Revoked
from legion_ci.gateway.routes import WHOLE, Arm, Routes, add_arm, promote, set_share

GOLDEN = Path(__file__).with_name("golden")


def arm(name: str, port: int) -> Arm:
    return Arm(deployment=name, model=model_ref(), endpoint=f"127.0.0.1:{port}")


def with_champion() -> Routes:
    routes = add_arm(
        add_arm(Routes(feedback="127.0.0.1:20009"), arm("wine-aaaaaaaa", 20001)), arm("wine-bbbbbbbb", 20002)
    )
    return msgspec.structs.replace(promote(routes, "wine-aaaaaaaa"), experiment="exp-1")


def shadowed() -> Routes:
    return msgspec.structs.replace(with_champion(), mirror="wine-bbbbbbbb", step="shadow", revision=4)


def split() -> Routes:
    routes = add_arm(with_champion(), arm("wine-cccccccc", 20003))
    for name, width in (("wine-bbbbbbbb", 500), ("wine-cccccccc", 500), ("wine-bbbbbbbb", 2500)):
        routes = set_share(routes, name, width)
    return msgspec.structs.replace(routes, step="25", revision=7)


SITE_KEYS = (
    '{"keys": [{"alg": "ES256", "crv": "P-256", "kid": "k1", "kty": "EC", "use": "sig", '
    '"x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}'
)
SITE = Trust(site_keys=SITE_KEYS)
AUTH = Auth(issuer="https://id.example", audiences=("models",))


def with_role() -> Routes:
    routes = split()
    return msgspec.structs.replace(
        routes, revision=9, arms=tuple(msgspec.structs.replace(a, role="analyst") for a in routes.arms)
    )


TRUST = {
    with_role(): Trust(
        site_keys=SITE_KEYS, user_keys=SITE_KEYS, auth=AUTH, revoked=Revoked(jti=("t-1",), sub=("mallory",))
    ),
    msgspec.structs.replace(split(), revision=10): Trust(
        site_keys=SITE_KEYS, auth=msgspec.structs.replace(AUTH, jwks="https://id.example/keys")
    ),
}
CASES = {
    "guarded": with_role(),
    "keys-by-url": msgspec.structs.replace(split(), revision=10),
    "nobody": Routes(),
    "champion": with_champion(),
    "shadow": shadowed(),
    "split": split(),
}


def files_of(routes: Routes) -> dict[str, str]:
    return render(routes, listen="127.0.0.1", port=20000, unit_header="x-tail-number", trust=TRUST.get(routes, SITE))


@pytest.mark.parametrize("case", CASES)
def test_the_files_are_the_golden_ones(case):
    for name, text in files_of(CASES[case]).items():
        path = GOLDEN / case / name
        if os.environ.get("LEGION_UPDATE_GOLDEN"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.read_text() == text


@pytest.mark.parametrize("case", CASES)
def test_envoy_itself_finds_nothing_wrong(case, tmp_path):
    files = files_of(CASES[case])
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "inlined.yaml").write_text(json.dumps(inlined(files)))
    for name in ("envoy.yaml", "inlined.yaml"):
        command = [process.program(), "--mode", "validate", "-c", name, "--disable-hot-restart", "--log-level", "warn"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def inlined(files: dict[str, str]) -> dict:
    """The discovery files put into the bootstrap: Envoy's validation does not follow them by itself."""
    parsed = {name: yaml.safe_load(text) for name, text in files.items()}
    bootstrap = parsed["envoy.yaml"]
    typed = {"@type", "version_info"}
    bare = [
        [{k: v for k, v in r.items() if k not in typed} for r in parsed[n]["resources"]]
        for n in ("cds.yaml", "rds.yaml", "auth.yaml")
    ]
    del bootstrap["dynamic_resources"]
    bootstrap["static_resources"]["clusters"] = bare[0]
    connection = bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    del connection["rds"]
    connection["route_config"] = bare[1][0]
    connection["http_filters"][0] = bare[2][0]
    return bootstrap


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("bc"), st.integers(0, WHOLE)), max_size=5))
def test_every_split_names_only_clusters_that_are_there_and_its_weights_are_whole(ramp):
    routes = split()
    for letter, width in ramp:
        name = f"wine-{letter * 8}"
        routes = set_share(routes, name, min(width, routes.width(name) + routes.width("wine-aaaaaaaa")))
    files = {name: yaml.safe_load(text) for name, text in files_of(routes).items()}
    clusters = {c["name"] for c in files["cds.yaml"]["resources"]}
    entries = [r["route"] for r in files["rds.yaml"]["resources"][0]["virtual_hosts"][0]["routes"] if "route" in r]
    weighted = entries[-1]["weighted_clusters"]["clusters"]
    assert {r["cluster"] for r in entries if "cluster" in r} | {w["name"] for w in weighted} <= clusters
    assert sum(w["weight"] for w in weighted) == WHOLE


def test_any_difference_gives_another_version_and_the_same_routes_the_same():
    files, other = files_of(split()), render(split(), listen="127.0.0.1", port=1, unit_header="x-other", trust=SITE)
    assert files == files_of(split())
    assert version_of(files["rds.yaml"]) != version_of(other["rds.yaml"])
    assert version_of(files["cds.yaml"]) == version_of(other["cds.yaml"])
