"""A job as Jenkins' config.xml, and what of an existing one differs from it."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET

from legion_ci.jenkins.script import promotion_look
from legion_ci.jenkins.wanted import Job
from legion_ci.settings.schema import ParameterSettings

Node = ET.Element
MULTIBRANCH = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
PIPELINE = "flow-definition"
FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
_PARAMETERS = "hudson.model.ParametersDefinitionProperty"
_TRIGGERS = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty"
_ALONE = "org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"
_OURS = (_PARAMETERS, _TRIGGERS)  # removed where they are not wanted any more
_EVERY = (  # the intervals that a folder's trigger knows, in ms
    60_000, 120_000, 300_000, 600_000, 900_000, 1_200_000, 1_500_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 28_800_000,
    43_200_000, 86_400_000, 604_800_000, 1_209_600_000, 2_419_200_000,
)  # fmt: skip


def render(job: Job) -> str:
    """The configuration that is wanted."""
    return text(_multibranch(job) if job.kind == "multibranch" else _pipeline(job))


def folder() -> str:
    """A folder without anything special."""
    return text(
        _node(FOLDER, _text("description", "Made by legion-ci jenkins.job."), _node("views"), _node("properties"))
    )


def text(root: Node) -> str:
    """A whole file; Jenkins reads XML 1.0 and 1.1."""
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def parse(config: str) -> Node:
    """What Jenkins sends: XML 1.1 by its head, which our parser knows as 1.0 only."""
    body = config.split("?>", 1)[1] if config.lstrip().startswith("<?xml") else config
    return ET.fromstring(body.strip())  # noqa: S314 - of the server that is trusted with the credentials


def differs(wanted: Node, found: Node) -> list[str]:
    """Paths of what is wanted and is not so. What Jenkins adds by itself (plug-ins' versions, defaults) does not count."""
    return [*_differences(wanted, found, wanted.tag), *(f"properties/{n.tag}" for n in _leftover(wanted, found))]


def merged(wanted: Node, found: Node) -> Node:
    """``found`` with all that is wanted; what somebody else added stays."""
    result = copy.deepcopy(found)
    for extra in _leftover(wanted, result):
        properties = result.find("properties")
        assert properties is not None
        properties.remove(extra)
    _merge(wanted, result)
    return result


def _leftover(wanted: Node, found: Node) -> list[Node]:
    ours = {n.tag for n in wanted.findall("properties/*")}
    return [n for n in found.findall("properties/*") if n.tag in _OURS and n.tag not in ours]


def _attributes(node: Node) -> dict[str, str]:
    return {k: v for k, v in node.attrib.items() if k != "plugin"}


def _differences(wanted: Node, found: Node, where: str) -> list[str]:
    if _attributes(wanted) != {k: v for k, v in _attributes(found).items() if k in wanted.attrib}:
        return [where]
    if not len(wanted):
        return [] if (wanted.text or "").strip() == (found.text or "").strip() or len(found) else [where]
    told: list[str] = []
    for tag in dict.fromkeys(n.tag for n in wanted):
        mine, theirs = wanted.findall(tag), found.findall(tag)
        if len(mine) != len(theirs):
            told.append(f"{where}/{tag}")
        else:
            told += [d for a, b in zip(mine, theirs, strict=True) for d in _differences(a, b, f"{where}/{tag}")]
    return told


def _merge(wanted: Node, into: Node) -> None:
    for tag in dict.fromkeys(n.tag for n in wanted):
        mine, theirs = wanted.findall(tag), into.findall(tag)
        if len(mine) == len(theirs) == 1 and _same_kind(mine[0], theirs[0]):
            if len(mine[0]):
                _merge(mine[0], theirs[0])
            else:
                theirs[0].text = mine[0].text
            continue
        for old in theirs:
            into.remove(old)
        into.extend(copy.deepcopy(mine))


def _same_kind(a: Node, b: Node) -> bool:
    return (
        _attributes(a) == {k: v for k, v in _attributes(b).items() if k in a.attrib} and a.tag != "parameterDefinitions"
    )


def _node(tag: str, *children: Node, **attributes: str) -> Node:
    node = ET.Element(tag, {k.rstrip("_"): v for k, v in attributes.items()})
    node.extend(children)
    return node


def _text(tag: str, value: object) -> Node:
    node = ET.Element(tag)
    node.text = str(value)
    return node


def _multibranch(job: Job) -> Node:
    settings = job.settings
    every_ms = min(_EVERY, key=lambda ms: abs(ms - settings.poll * 1000))
    source = _node(
        "source", _text("id", f"legion-ci-{job.name}"), _text("remote", job.repository), *_credentials(settings.credentials),
        _node("traits", _node("jenkins.plugins.git.traits.BranchDiscoveryTrait")), class_="jenkins.plugins.git.GitSCMSource",
    )  # fmt: skip
    strategy = _node(
        "strategy", _node("properties", class_="empty-list"), class_="jenkins.branch.DefaultBranchPropertyStrategy"
    )
    branch = _node("jenkins.branch.BranchSource", source, strategy)
    back = {"class_": MULTIBRANCH, "reference": "../.."}
    trigger = "com.cloudbees.hudson.plugins.folder.computed.PeriodicFolderTrigger"
    return _node(
        MULTIBRANCH, _text("description", job.description), _node("properties"),
        _node("orphanedItemStrategy", _text("pruneDeadBranches", "true"), _text("daysToKeep", -1), _text("numToKeep", settings.keep_builds),
              class_="com.cloudbees.hudson.plugins.folder.computed.DefaultOrphanedItemStrategy"),
        _node("triggers", _node(trigger, _text("spec", _folder_spec(every_ms)), _text("interval", every_ms))),
        _node("sources", _node("data", branch), _node("owner", **back), class_="jenkins.branch.MultiBranchProject$BranchSourceList"),
        _node("factory", _node("owner", **back), _text("scriptPath", job.script),
              class_="org.jenkinsci.plugins.workflow.multibranch.WorkflowBranchProjectFactory"),
    )  # fmt: skip


def _folder_spec(every_ms: int) -> str:
    """The cron line that belongs to an interval: a folder looks at this moment whether the interval is over."""
    minutes = every_ms // 60_000
    return f"H/{minutes} * * * *" if minutes < 60 else "H * * * *" if minutes < 1440 else "H H * * *"


def _credentials(credentials: str | None) -> list[Node]:
    return [_text("credentialsId", credentials)] if credentials else []


def _pipeline(job: Job) -> Node:
    properties = [_node(_ALONE, _text("abortPrevious", "false")), _discarder(job.settings.keep_builds)]
    if job.parameters:
        properties.append(_node(_PARAMETERS, _node("parameterDefinitions", *map(_parameter, job.parameters))))
    if job.cron:
        properties.append(
            _node(_TRIGGERS, _node("triggers", _node("hudson.triggers.TimerTrigger", _text("spec", job.cron))))
        )
    definition = _inline(promotion_look(job)) if job.kind == "look" else _from_scm(job)
    return _node(
        PIPELINE, _text("description", job.description), _text("keepDependencies", "false"), _node("properties", *properties), definition,
        _text("disabled", "false"),
    )  # fmt: skip


def _discarder(keep: int) -> Node:
    kept = (("daysToKeep", -1), ("numToKeep", keep), ("artifactDaysToKeep", -1), ("artifactNumToKeep", -1))
    return _node(
        "jenkins.model.BuildDiscarderProperty",
        _node("strategy", *(_text(k, v) for k, v in kept), class_="hudson.tasks.LogRotator"),
    )


def _parameter(wanted: ParameterSettings) -> Node:
    about = [_text("name", wanted.name), _text("description", wanted.description)]
    if wanted.choices:  # the default is the first
        ordered = sorted(wanted.choices, key=lambda c: c != wanted.default)
        choices = _node("a", *(_text("string", c) for c in ordered), class_="string-array")
        return _node(
            "hudson.model.ChoiceParameterDefinition",
            *about,
            _node("choices", choices, class_="java.util.Arrays$ArrayList"),
        )
    if isinstance(wanted.default, bool):
        return _node(
            "hudson.model.BooleanParameterDefinition", *about, _text("defaultValue", str(wanted.default).lower())
        )
    return _node(
        "hudson.model.StringParameterDefinition", *about, _text("defaultValue", wanted.default), _text("trim", "true")
    )


def _from_scm(job: Job) -> Node:
    remote = _node(
        "hudson.plugins.git.UserRemoteConfig", _text("url", job.repository), *_credentials(job.settings.credentials)
    )
    branch = _node("hudson.plugins.git.BranchSpec", _text("name", f"*/{job.settings.branch}"))
    scm = _node(
        "scm",
        _text("configVersion", 2),
        _node("userRemoteConfigs", remote),
        _node("branches", branch),
        class_="hudson.plugins.git.GitSCM",
    )
    return _node(
        "definition", scm, _text("scriptPath", job.script), _text("lightweight", "true"),
        class_="org.jenkinsci.plugins.workflow.cps.CpsScmFlowDefinition",
    )  # fmt: skip


def _inline(script: str) -> Node:
    return _node(
        "definition",
        _text("script", script),
        _text("sandbox", "true"),
        class_="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition",
    )
