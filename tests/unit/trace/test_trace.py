"""From a prediction to its data, code and build, and back from any of them; two runs side by side."""

import json

import msgspec
import pytest
import yaml
from report_values import digest
from report_values import train as trained

from legion_ci.core.errors import ConfigurationError, OrderError
from legion_ci.core.files import digest_tree, write_atomic
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.deploy import installed
from legion_ci.deploy.protocol import Wanted
from legion_ci.feedback.capture import Capture
from legion_ci.feedback.store import StoreSink
from legion_ci.gateway import routes
from legion_ci.gateway.routes import Arm, Segment
from legion_ci.results import Artefact, ModelRef, Provenance, Record, encode
from legion_ci.runs import Run
from legion_ci.settings.load import load
from legion_ci.trace.comparison import compare
from legion_ci.trace.stage import find

COMMIT = "3f1c9a27d0b84be0a1c55e0f7d2b94c1f0a6e812"


class Place:
    """A repository with two runs, of two versions; the second is deployed at 100 % and was asked twice."""

    def __init__(self, folder):
        self.folder = folder
        folder.joinpath("legion.yaml").write_text(
            yaml.safe_dump({"model": {"name": "wine"}, "site": {"path": str(folder / "site")}})
        )
        self.site = Site(path=folder / "site", model="wine")
        self.one = self.run("20260101T000000Z-aaaa", "1", metrics={"auc": 0.71}, parameters={"C": "1"})
        self.two = self.run("20260102T000000Z-bbbb", "2", metrics={"auc": 0.74}, parameters={"C": "2"})
        self.deploy(self.two)
        self.ask("r-1", self.two)
        self.ask("r-2", self.two)

    def model(self, version):
        made = self.folder / f"artefact-{version}" / "legion_model"
        made.mkdir(parents=True)
        (made / "requirements.lock").write_text(f"numpy=={version}.0 \\\n    --hash=sha256:00\nscipy==1.0 \\\n")
        (made / "head_output.json").write_text(
            json.dumps({"columns": ["prediction"], "data": [[0.5], [float(version)]]})
        )
        uri = made.parent.as_uri()
        return ModelRef(
            name="wine",
            version=version,
            artefact=Artefact(uri=uri, digest=digest_tree(made.parent)),
            run_id=f"mlrun{version}",
        )

    def run(self, name, version, **changes):
        origin = Provenance(
            commit=COMMIT,
            build="https://jenkins.example/42/",
            data={"train": digest("rows")},
            code=digest("code" + version),
        )
        result = trained("wine", model=self.model(version), provenance=origin, **changes)
        record = Record(
            schema_version=1, stage="train", run=name, started_at="", ended_at="", seconds=1.0, host="", inputs={},
            input_digest="", tools={}, result=msgspec.Raw(msgspec.json.encode(result)),
        )  # fmt: skip
        run = Run(self.folder / ".legion" / "runs" / name)
        write_atomic(run.folder / "run.json", json.dumps({"created": float(version)}))
        write_atomic(run.path("train"), encode(record))
        return result

    def deploy(self, result):
        name = installed.deployment_id(result.model)
        installed.save(self.site, Wanted(deployment=name, model=result.model, folder=""))
        manifest = {"legion": {"digests": {"code": "c0de", "data.train": "da7a"}, "build": {"commit": COMMIT}}}
        write_atomic(
            installed.folder_of(self.site, name) / "artefact" / "legion.project.yaml", yaml.safe_dump(manifest)
        )
        arm = Arm(deployment=name, model=result.model, endpoint="127.0.0.1:1")
        edit = {"champion": name, "arms": (arm,), "segments": (Segment(deployment=name, width=10_000),)}
        routes.change(self.site, lambda r: msgspec.structs.replace(r, **edit))

    def ask(self, request_id, result):
        sink = StoreSink(self.site.feedback, "test")
        sink.put(
            Capture(
                request_id=request_id, deployment=installed.deployment_id(result.model), arm="", model_name="wine",
                model_version=result.model.version, digest=result.model.artefact.digest, request=b"{}", response=b"{}",
                status=200, time=1_767_300_000.0, latency_us=10, purpose="", experiment="", step="", share=1.0, unit="u", method="POST", uri="/",
            )
        )  # fmt: skip
        sink.close()

    def find(self, word):
        return find(load(self.folder / "legion.yaml", ()), word)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_a_request_leads_to_who_answered_it_and_to_its_data_code_and_build(place):
    (found,) = place.find("r-1")
    assert found.named == "request"
    assert found.chain.model.version == "2"
    text = found.text()
    for told in (
        "r-1",
        "100 % of the traffic now",
        "mlrun2",
        digest("rows"),
        digest("code2"),
        COMMIT,
        "jenkins.example/42",
        "-bbbb",
    ):
        assert told in text


@pytest.mark.parametrize(
    ("word", "versions"),
    [
        (lambda p: p.one.model.artefact.digest[:8], ["1"]), ("mlrun2", ["2"]), ("20260101T000000Z-aaaa", ["1"]), (COMMIT[:7], ["1", "2"]),
        (digest("rows"), ["1", "2"]), ("wine 2", ["2"]), ("https://jenkins.example/42/", ["1", "2"]),
        (lambda p: installed.deployment_id(p.two.model), ["2"]),
    ],
)  # fmt: skip
def test_everything_on_the_way_leads_to_the_models_behind_it(place, word, versions):
    assert [t.chain.model.version for t in place.find(word(place) if callable(word) else word)] == versions


def test_from_the_other_end_the_predictions_are_counted(place):
    by_version = {t.chain.model.version: t for t in place.find(COMMIT)}
    assert (by_version["2"].made.count, by_version["1"].made) == (2, None)
    assert by_version["2"].made.newest in ("r-1", "r-2")
    assert "deployment   none" in by_version["1"].text()


def test_a_model_whose_runs_are_gone_is_known_from_its_installed_package(place):
    import shutil

    shutil.rmtree(place.folder / ".legion")
    (found,) = place.find("r-2")
    assert found.chain.runs == ()
    assert (found.chain.provenance.commit, found.chain.provenance.data) == (COMMIT, {"train": "da7a"})


@pytest.mark.parametrize("word", ["nobody", "3f1c9", "' OR 1=1 --"])
def test_what_nothing_is_called_is_an_error_that_says_what_could_be_given(place, word):
    with pytest.raises(OrderError, match=r"give a request id, or a digest.*2 models are known"):
        place.find(word)


def test_a_request_to_a_model_that_is_known_no_more_says_so(place):
    import shutil

    shutil.rmtree(place.folder / ".legion")
    shutil.rmtree(place.site.deployments)
    with pytest.raises(OrderError, match="which is known no more"):
        place.find("r-1")


def test_a_record_that_cannot_be_read_hides_no_other_chain(place):
    (place.folder / ".legion" / "runs" / "20260101T000000Z-aaaa" / "train.json").write_text("{")
    assert [t.chain.model.version for t in place.find(COMMIT)] == ["2"]


def test_two_runs_are_compared_in_everything_that_made_them(place):
    runs = ("20260101T000000Z-aaaa", "20260102T000000Z-bbbb")
    found = compare(load(place.folder / "legion.yaml", ()), *runs, Tools())
    rows = {(r.group, r.name): (r.one, r.other) for r in found.rows}
    assert rows["parameters", "C"] == ("1", "2")
    assert rows["metrics", "auc"] == ("0.71", "0.74")
    assert rows["packages", "numpy"] == ("1.0", "2.0")
    assert rows["packages", "scipy"] == ("1.0", "1.0")
    assert rows["predictions of the sample", "row 1"] == ("1", "2")
    text = found.text()
    assert "data: the same" in text
    assert "predictions of the sample: 1 of 2 differ" in text
    assert "scipy" not in text


def test_runs_that_do_not_exist_are_named_all_at_once(place):
    with pytest.raises(ConfigurationError) as caught:
        compare(load(place.folder / "legion.yaml", ()), "20260101T000000Z-aaab", "x", Tools())
    assert [p.todo for p in caught.value.problems] == [
        "did you mean 20260101T000000Z-aaaa?",
        "the newest are 20260101T000000Z-aaaa, 20260102T000000Z-bbbb",
    ]
