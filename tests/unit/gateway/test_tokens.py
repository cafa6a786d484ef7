"""Tokens through a real Envoy: who is let in, who is not, and what the model sees of them."""

import json
import time

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from deploy_gateway import QUIET, Gateway
from deploy_site import pid_of, running_site
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, RSAAlgorithm

from legion_ci.gateway import apply, keys, process, purpose, revoked, settings
from legion_ci.gateway.auth import Auth
from legion_ci.gateway.routes import promote, set_share

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC, STRANGER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
SECRET = b"a secret of at least thirty-two bytes, as HS256 wants it"
SIGNERS = {"RS256": RSA, "ES256": EC, "HS256": SECRET}


def public(algorithm, key, kid, made) -> dict:
    return {**json.loads(made.to_jwk(key)), "kid": kid, "alg": algorithm}


KEYS = [
    public("RS256", RSA.public_key(), "RS256", RSAAlgorithm),
    public("ES256", EC.public_key(), "ES256", ECAlgorithm),
    public("HS256", SECRET, "HS256", HMACAlgorithm),
]


def claims(**changed) -> dict:
    now = int(time.time())
    said = {"iss": "id", "aud": "models", "sub": "ann", "jti": "t-1", "exp": now + 600, "roleName": ["analyst"]}
    return {k: v for k, v in {**said, **changed}.items() if v is not None}


def token(algorithm="ES256", key=None, kid=None, **changed) -> str:
    return jwt.encode(claims(**changed), key or SIGNERS[algorithm], algorithm, headers={"kid": kid or algorithm})


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running_site(tmp_path_factory.mktemp("tokens")) as site:
        gateway = Gateway(site)
        gateway.start(["champion", "a"])
        jwks = site.path / "jwks.json"
        jwks.write_text(json.dumps({"keys": KEYS}))
        auth = Auth(issuer="id", audiences=("models",), jwks=str(jwks), clock_skew_s=30)
        settings.write(site, msgspec.structs.replace(settings.read(site), auth=auth))
        gateway.change(lambda r: msgspec.structs.replace(promote(with_role(r), "champion"), experiment="one"))
        yield gateway


def with_role(routes):
    roles = {"champion": "analyst", "a": "chief"}
    arms = tuple(msgspec.structs.replace(a, role=roles[a.deployment]) for a in routes.arms)
    return msgspec.structs.replace(routes, arms=arms)


def ask(gateway, bearer, path="/", **headers):
    said = {"authorization": f"Bearer {bearer}"} if bearer else {}
    return gateway.ask(path, **said, **headers)


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_a_valid_token_is_let_in_and_does_not_reach_the_model(gateway, algorithm):
    answer = ask(gateway, token(algorithm))
    assert answer.status == 200
    assert "authorization" not in answer.seen
    assert answer.seen["x-legion-unit"] == "ann"


def pem() -> bytes:
    return RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def confused() -> str:
    """An HS256 token whose secret is the public RSA key, which PyJWT itself refuses to make."""
    import base64
    import hashlib
    import hmac

    def coded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = {"alg": "HS256", "typ": "JWT", "kid": "RS256"}
    signed = ".".join(coded(json.dumps(part).encode()) for part in (head, claims()))
    return f"{signed}.{coded(hmac.digest(pem(), signed.encode(), hashlib.sha256))}"


def tampered() -> str:
    head, _, signature = token().split(".")
    _, other, _ = token(sub="somebody-else").split(".")
    return f"{head}.{other}.{signature}"


def bad_tokens() -> dict[str, tuple[str, int]]:
    now = int(time.time())
    return {
        "none": ("", 401),
        "not a token": ("abc", 401),
        "expired": (token(exp=now - 3600), 401),
        "without expiry": (token(exp=None), 401),
        "not yet valid": (token(nbf=now + 3600), 401),
        "of another key": (token(key=STRANGER), 401),
        "of an unknown key": (token(key=STRANGER, kid="nobody"), 401),
        "algorithm none": (jwt.encode(claims(), None, "none", headers={"kid": "ES256"}), 401),
        "HS256 by the public RSA key": (confused(), 401),
        "changed after signing": (tampered(), 401),
        "for another audience": (token(aud="others"), 403),
        "of another issuer": (token(iss="evil"), 401),
        "with another role": (token(roleName=["guest"]), 403),
        "with a role that only begins alike": (token(roleName="analyst2"), 403),
        "without a role": (token(roleName=None), 403),
        "oversized": (token(filler="x" * 60_000), 431),
    }


@pytest.mark.parametrize("case", bad_tokens())
@pytest.mark.parametrize("path", ["/", "/model/champion/"])
def test_a_token_that_is_not_right_is_turned_away(gateway, case, path):
    bad, status = bad_tokens()[case]
    assert ask(gateway, bad, path).status == status


def test_a_clock_that_is_a_bit_off_does_no_harm(gateway):
    assert ask(gateway, token(exp=int(time.time()) - 5)).status == 200


def test_each_deployment_asks_for_its_own_role(gateway):
    assert ask(gateway, token(), "/model/a/").status == 403
    assert ask(gateway, token(roleName="chief"), "/model/a/").status == 200
    assert ask(gateway, token(roleName="chief")).status == 403


def test_the_arm_is_the_subjects_whatever_the_client_says_about_itself(gateway):
    gateway.change(lambda r: set_share(r, "a", 5000))
    try:
        subjects = {f"s-{n}": token(sub=f"s-{n}") for n in range(40)}
        first = {s: ask(gateway, t, x_legion_unit="u1").seen["x-legion-arm"] for s, t in subjects.items()}
        again = {
            s: ask(gateway, t, x_legion_unit="u2", x_legion_sub="me").seen["x-legion-arm"] for s, t in subjects.items()
        }
    finally:
        gateway.change(lambda r: set_share(r, "a", 0))
    assert first == again
    assert set(first.values()) == {"a", "champion"}


def test_a_revoked_token_and_a_revoked_subject_are_turned_away_without_a_restart(gateway):
    pid = pid_of(gateway.site, process.NAME)
    lost, fired = token(jti="lost"), token(sub="fired", jti="t-2")
    assert (ask(gateway, lost).status, ask(gateway, fired).status) == (200, 200)
    revoked.add(gateway.site, jti="lost")
    revoked.add(gateway.site, sub="fired")
    apply.sync(gateway.site, tools=QUIET)
    assert [ask(gateway, t).status for t in (lost, fired, token())] == [403, 403, 200]
    assert ask(gateway, lost, "/model/champion/").status == 403
    assert pid_of(gateway.site, process.NAME) == pid


def test_keys_are_exchanged_without_a_restart_and_overlap(gateway):
    pid, path = pid_of(gateway.site, process.NAME), gateway.site.path / "jwks.json"
    new = ec.generate_private_key(ec.SECP256R1())
    added = public("ES256", new.public_key(), "new", ECAlgorithm)
    steps = []
    for listed in ([*KEYS, added], [added], KEYS):
        path.write_text(json.dumps({"keys": listed}))
        apply.sync(gateway.site, tools=QUIET)
        steps.append((ask(gateway, token()).status, ask(gateway, token(key=new, kid="new")).status))
    assert steps == [(200, 200), (401, 200), (200, 401)]
    assert pid_of(gateway.site, process.NAME) == pid


@pytest.mark.parametrize(("path", "unsigned"), [("/", None), ("/model/champion/", "direct")])
def test_a_purpose_counts_only_when_the_site_signed_it(gateway, path, unsigned):
    good = purpose.sign(gateway.site)
    old = purpose.sign(gateway.site, lifetime_s=-3600)
    forged = jwt.encode(jwt.decode(good, options={"verify_signature": False}), STRANGER, "ES256")
    seen = [
        ask(gateway, token(), path, **headers).seen
        for headers in (
            {"legion_purpose": good},
            {"legion_purpose": old},
            {"legion_purpose": forged},
            {"legion_purpose": "perf"},
            {"legion_purpose": token(aud="legion-purpose", purpose="perf")},
            {"x_legion_purpose": "perf"},
        )
    ]
    assert [s.get("x-legion-purpose") for s in seen] == ["perf", *[unsigned] * 5]
    assert not any("legion-purpose" in s for s in seen)


def test_the_sites_keys_are_its_users_alone_and_no_private_part_reaches_the_gateways_files(gateway):
    path = keys.folder(gateway.site) / "keys.json"
    assert path.stat().st_mode & 0o077 == 0
    private = [k["d"] for k in json.loads(path.read_text())["keys"]]
    assert private
    for file in gateway.site.gateway.glob("*.yaml"):
        assert not any(d in file.read_text() for d in private)
