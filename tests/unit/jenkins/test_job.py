"""jenkins.job: made once, kept as it should be, never more changed than what is ours."""

import re
import xml.etree.ElementTree as ET

import yaml
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.jenkins import config_xml, script

NAME = "Models/Flights/flight-delay"
PIPELINE = ("jenkins.kind=pipeline",)


def test_a_job_and_its_folders_are_made_and_branches_are_looked_for_at_once(call, model, jenkins):
    code, out, _ = call("job")
    assert (code, out.split()) == (0, ["created", "Models", "created", "Models/Flights", "created", NAME])
    item = jenkins.state.items[NAME]
    assert item.root.findtext(".//remote") == "https://git.example.org/flights.git"
    assert item.root.findtext("factory/scriptPath") == "Jenkinsfile"
    assert item.scans == 1


def test_a_second_call_changes_nothing_though_jenkins_has_added_its_own(call, model, jenkins):
    call("job", sets=("jenkins.promotion_look=H/15 * * * *",))
    before = len(jenkins.posts())
    code, out, _ = call("job", sets=("jenkins.promotion_look=H/15 * * * *",))
    assert code == 0
    assert out.count("unchanged") == 4
    assert len(jenkins.posts()) == before


def test_what_differs_is_named_and_put_right_and_what_others_added_stays(call, model, jenkins):
    call("job", sets=PIPELINE)
    root = jenkins.state.items[NAME].root
    root.find("definition/scriptPath").text = "Other"
    ET.SubElement(root.find("properties"), "com.example.TheirProperty")
    ET.SubElement(root, "theirs").text = "kept"
    code, out, _ = call("job", sets=PIPELINE)
    assert (code, "updated    Models/Flights/flight-delay (scriptPath)" in out) == (0, True)
    root = jenkins.state.items[NAME].root
    assert root.findtext("definition/scriptPath") == "Jenkinsfile"
    assert root.find("properties/com.example.TheirProperty") is not None
    assert root.findtext("theirs") == "kept"


def test_parameters_and_triggers_that_are_not_wanted_any_more_go(call, model, jenkins):
    wanted = "jenkins.parameters=[{name: DAYS, default: '3'}, {name: FAST, default: true}, {name: SIZE, choices: [s, l], default: l}]"
    call("job", sets=(*PIPELINE, wanted, "schedule.cron=H 3 * * 1"))
    item = jenkins.state.items[NAME]
    assert list(item.parameters()) == ["DAYS", "FAST", "SIZE"]
    assert [s.text for s in item.parameters()["SIZE"].iter("string")] == ["l", "s"]
    assert item.root.findtext(".//hudson.triggers.TimerTrigger/spec") == "H 3 * * 1"
    call("job", sets=(*PIPELINE, "jenkins.parameters=[{name: DAYS, default: '3'}]"))
    assert list(jenkins.state.items[NAME].parameters()) == ["DAYS"]
    call("job", sets=PIPELINE)
    assert not jenkins.state.items[NAME].parameters()
    assert jenkins.state.items[NAME].root.find(".//hudson.triggers.TimerTrigger") is None


def test_a_dry_run_says_what_would_be_and_does_nothing(call, model, jenkins):
    code, out, _ = call("job", dry_run=True)
    assert (code, out.count("would be created")) == (0, 3)
    assert jenkins.posts() == []


def test_with_a_password_the_crumb_and_its_session_go_along(call, model, jenkins, monkeypatch):
    monkeypatch.setenv("JENKINS_TOKEN", "wonderland-password")
    assert call("job")[0] == 0
    assert NAME in jenkins.state.items


def test_a_name_that_belongs_to_something_else_is_refused_and_nothing_is_changed(call, model, jenkins):
    call("job", sets=PIPELINE)
    before = len(jenkins.posts())
    code, _, err = call("job")
    assert code == 2
    assert "is a flow-definition there, which cannot become a multibranch job" in err
    code, _, err = call("job", sets=("jenkins.folder=Models/Flights/flight-delay",))
    assert (code, "not a folder" in err) == (2, True)
    assert len(jenkins.posts()) == before


def test_every_model_of_a_monorepo_gets_a_job(call, model, jenkins):
    (model / "legion.yaml").unlink()
    for name in ("delay", "cancel"):
        folder = model / "models" / name
        folder.mkdir(parents=True)
        (folder / "legion.yaml").write_text(f"model: {{name: {name}}}\njenkins: {{folder: All}}\n")
        (folder / "Jenkinsfile").write_text("x")
    (model / ".venv" / "x").mkdir(parents=True)
    (model / ".venv" / "x" / "legion.yaml").write_text("model: {name: not-ours}\n")
    code, _, _ = call("job")
    assert (code, sorted(jenkins.state.items)) == (0, ["All", "All/cancel", "All/delay"])
    assert jenkins.state.items["All/delay"].root.findtext("factory/scriptPath") == "models/delay/Jenkinsfile"
    (model / "models" / "cancel" / "legion.yaml").write_text("model: {name: delay}\njenkins: {folder: All}\n")
    code, _, err = call("job")
    assert (code, "two models want the job All/delay" in err) == (2, True)


def test_all_that_is_missing_is_said_at_once(call, model):
    (model / "Jenkinsfile").unlink()
    (model / ".git" / "config").write_text("")
    code, _, err = call("job", sets=("jenkins.parameters=[{name: DAYS}]", "jenkins.promotion_look=H 25 * * *"))
    assert (code, "promotion_look: '25' is no hour" in err) == (2, True)
    code, _, err = call("job", sets=("jenkins.parameters=[{name: DAYS}]",))
    assert code == 2
    for told in ("repository is not known", "there is no Jenkinsfile", "takes parameters from its branches"):
        assert told in err


def test_files_hold_the_same_jobs(call, model, tmp_path, jenkins):
    look = "jenkins.promotion_look=H/15 * * * *"
    code, out, _ = call("job", write=str(tmp_path / "files"), sets=(*PIPELINE, look, "jenkins.credentials=git-key"))
    assert (code, jenkins.seen) == (0, [])
    assert len(out.split()) == 4
    dsl = (tmp_path / "files" / "legion_jobs.groovy").read_text()
    assert re.findall(r"^(?:folder|pipelineJob)\('([^']+)'\)", dsl, re.MULTILINE) == [
        "Models", "Models/Flights", NAME, NAME + "-promotion",
    ]  # fmt: skip
    assert "credentials('git-key')" in dsl
    assert "spec('H/15 * * * *')" in dsl
    casc = yaml.safe_load((tmp_path / "files" / "legion-jobs.casc.yaml").read_text())
    assert casc["jobs"][0]["script"] == dsl
    call("job", sets=(*PIPELINE, look, "jenkins.credentials=git-key"))
    for name in (NAME, NAME + "-promotion"):
        written = ET.parse(tmp_path / "files" / f"{name}.config.xml").getroot()
        assert config_xml.differs(written, jenkins.state.items[name].root) == []


def test_a_schedule_that_would_start_nothing_is_refused(call, model, jenkins):
    wanted = ("schedule.cron=H 3 * * 1",)
    code, _, err = call("job", sets=wanted)
    assert (code, "the schedule would start nothing" in err, "legionPipeline(manage: true)" in err) == (2, True, True)
    (model / "Jenkinsfile").write_text("@Library('legion-ci') _\nlegionPipeline(manage: true)\n")
    assert call("job", sets=wanted)[0] == 0
    assert jenkins.state.items[NAME].root.find(".//hudson.triggers.TimerTrigger") is None
    (model / "Jenkinsfile").write_text("@Library('legion-ci') _\nlegionPipeline()\n")
    code, _, _ = call("job", sets=(*wanted, "jenkins.kind=pipeline", "jenkins.job=scheduled"))
    trigger = jenkins.state.items["Models/Flights/scheduled"].root.findtext(".//hudson.triggers.TimerTrigger/spec")
    assert (code, trigger) == (0, "H 3 * * 1")


def test_the_promotion_look_looks_once_at_what_waits_on_the_site(call, model, jenkins):
    call("job", sets=("jenkins.promotion_look=H/15 * * * *", "jenkins.branch=release/1", "jenkins.agent=models"))
    text = jenkins.state.items[NAME + "-promotion"].root.findtext("definition/script")
    assert "branch: 'release/1'" in text
    assert "node('models')" in text
    assert text.count("legionLook()") == 1


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40))
def test_a_groovy_literal_says_just_the_text(words):
    body = script.groovy(words)
    assert body[0] == body[-1] == "'"
    assert "\n" not in body
    back = re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), body[1:-1], flags=re.DOTALL)
    assert back == words


TREES = st.recursive(
    st.builds(lambda tag, text: (tag, text, ()), st.sampled_from("abc"), st.sampled_from(["", "1", "2"])),
    lambda inner: st.builds(lambda tag, kids: (tag, "", tuple(kids)), st.sampled_from("abc"), st.lists(inner, min_size=1, max_size=3)),
    max_leaves=8,
)  # fmt: skip


def tree(made):
    tag, text, kids = made
    node = ET.Element(tag)
    node.text = text
    node.extend(tree(k) for k in kids)
    return node


@given(st.lists(TREES, max_size=3), st.lists(TREES, max_size=3))
def test_what_was_merged_is_as_wanted(mine, theirs):
    wanted, found = ET.Element("job"), ET.Element("job")
    wanted.extend(map(tree, mine))
    found.extend(map(tree, theirs))
    assert config_xml.differs(wanted, config_xml.merged(wanted, found)) == []
    assert config_xml.differs(wanted, wanted) == []
