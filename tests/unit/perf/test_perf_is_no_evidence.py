"""A load beside a promotion leaves its evidence as it is, byte for byte."""

import jwt
import msgspec
import pytest
from perf_runs import perf
from perf_servers import serving
from promote_events import write
from promote_site import Bench, settings

from legion_ci.perf.purpose import MARK
from legion_ci.serving.captures import Exchange, Identity, capture


def loads(bench, number):
    """What servers capture of a load of either arm: the gateway's direct route, and without a gateway."""
    for i in range(number):
        arm = ("old", "new")[i % 2]
        who = Identity(arm, "wine", "1", "d" * 64, "x-legion-unit")
        told = {**MARK, "x-legion-arm": arm if i % 3 else "", "x-legion-experiment": bench.routes.experiment,
                "x-legion-step": bench.routes.step, "x-legion-share": "0.5", "x-legion-unit": f"u{i}"}  # fmt: skip
        seen = Exchange(f"load{i}", "POST", "/api/model/invoke", bench.clock.time, 9_000, 500, b"{}", b"{}")
        yield capture(who, lambda name, told=told: told.get(name, ""), seen)


def promoted(folder, load):
    bench = Bench(folder, settings())
    results = [bench.look()]
    for _ in range(3):
        bench.serve(400)
        if load:
            write(bench.site.feedback, list(loads(bench, 300)), writer="load")
        results.append(bench.look())
    return b"\n".join(msgspec.json.encode(r) for r in results), results


def test_a_promotions_evidence_is_the_same_bytes_with_and_without_a_load_beside_it(tmp_path):
    alone, results = promoted(tmp_path / "alone", load=False)
    beside, _ = promoted(tmp_path / "beside", load=True)
    assert results[-1].evidence_digest
    assert any(sum(r.units.values()) for r in results)
    assert alone == beside


@pytest.mark.parametrize("processes", [1, 2])
def test_every_request_of_a_load_carries_a_purpose_that_the_site_has_signed(tmp_path, processes):
    with serving() as server:
        perf(
            tmp_path, server.url, site=str(tmp_path / "site"), rate=60, duration=3, warmup=0, processes=processes,
            budgets=("errors < 20%",),
        )  # fmt: skip
    ((signed, count),) = server.asked.signed.items()
    assert count == server.asked.invoked
    claims = jwt.decode(signed, options={"verify_signature": False})
    assert (claims["purpose"], claims["aud"]) == ("perf", "legion-purpose")
    assert claims["exp"] - claims["iat"] > 3
    assert not [p for p in (tmp_path / "work").rglob("*") if p.is_file() and signed.encode() in p.read_bytes()]
