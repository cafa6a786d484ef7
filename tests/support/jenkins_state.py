"""What a small Jenkins holds: items as it keeps them, a queue, builds whose console grows by one piece a look."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from urllib.parse import quote

FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
MULTIBRANCH = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
PIPELINE = "flow-definition"
VERSIONS = {FOLDER: "cloudbees-folder@6.951", MULTIBRANCH: "workflow-multibranch@803", PIPELINE: "workflow-job@1472"}


@dataclass
class Script:
    """How the next build goes: whys while it is queued (one a look), console pieces (one a look), result, archived files."""

    whys: list[str] = field(default_factory=lambda: ["In the quiet period. Expires in 1.4 sec"])
    console: list[bytes] = field(default_factory=lambda: [b"Started by user alice\n", b"Finished: SUCCESS\n"])
    result: str = "SUCCESS"
    files: dict[str, bytes] = field(default_factory=dict)
    settles: int = 0  # looks between the end of the console and the result
    cancelled: bool = False


@dataclass
class Build:
    number: int
    script: Script
    parameters: dict[str, str]
    shown: int = 0  # pieces of the console that are there
    settled: int = 0

    @property
    def log(self) -> bytes:
        return b"".join(self.script.console[: self.shown])

    @property
    def building(self) -> bool:
        return self.shown < len(self.script.console) or self.settled < self.script.settles


@dataclass
class Item:
    """A job or folder with the configuration that was posted."""

    name: str
    root: ET.Element
    builds: list[Build] = field(default_factory=list)
    scans: int = 0

    @property
    def kind(self) -> str:
        return self.root.tag

    def parameters(self) -> dict[str, ET.Element]:
        found = self.root.findall("properties/hudson.model.ParametersDefinitionProperty/parameterDefinitions/*")
        return {p.findtext("name"): p for p in found}

    @property
    def disabled(self) -> bool:
        return self.root.findtext("disabled") == "true"

    def kept(self) -> str:
        """As Jenkins gives it back: XML 1.1, the plug-ins' versions, defaults that nobody wrote."""
        root = ET.fromstring(ET.tostring(self.root))
        root.set("plugin", VERSIONS.get(root.tag, "unknown@1"))
        for node in root.iter():
            if "class" in node.attrib:
                node.set("plugin", "some-plugin@1.2")
        if root.find("actions") is None:
            root.insert(0, ET.Element("actions"))
        for scm in root.iter("scm"):
            ET.SubElement(scm, "doGenerateSubmoduleConfigurations").text = "false"
        return "<?xml version='1.1' encoding='UTF-8'?>\n" + ET.tostring(root, encoding="unicode")


@dataclass
class Queued:
    id: int
    job: str
    script: Script
    parameters: dict[str, str]
    looks: int = 0
    cancelled: bool = False
    build: Build | None = None
    forgotten: bool = False


@dataclass
class State:
    """The whole server. scripts: how the next builds go, in order; tokens and passwords by user."""

    items: dict[str, Item] = field(default_factory=dict)
    queue: dict[int, Queued] = field(default_factory=dict)
    scripts: list[Script] = field(default_factory=list)
    plugins: dict[str, str] = field(default_factory=dict)
    quiet: bool = False
    branches: list[str] = field(default_factory=list)
    administrators: set[str] = field(default_factory=lambda: {"alice"})
    tokens: dict[str, str] = field(default_factory=lambda: {"alice": "11a-token-of-alice"})
    passwords: dict[str, str] = field(default_factory=lambda: {"alice": "wonderland-password"})
    crumbs: dict[str, str] = field(default_factory=dict)  # session -> crumb
    crumbs_wanted: bool = True
    libraries: list[dict[str, str]] = field(default_factory=list)
    nodes: list[dict[str, object]] = field(
        default_factory=lambda: [{"displayName": "Built-In Node", "offline": False, "numExecutors": 2}]
    )
    ids: itertools.count = field(default_factory=lambda: itertools.count(3901))

    def scan(self, item: Item) -> None:
        """A multibranch job looks for branches, each of which gets a job."""
        item.scans += 1
        for branch in self.branches:
            name = f"{item.name}/{quote(branch, safe='')}"
            self.items.setdefault(name, Item(name, ET.fromstring(f"<{PIPELINE}><properties/></{PIPELINE}>")))

    def enqueue(self, job: str, parameters: dict[str, str]) -> int:
        script = self.scripts.pop(0) if self.scripts else Script()
        queued = Queued(next(self.ids), job, script, parameters, cancelled=script.cancelled)
        self.queue[queued.id] = queued
        return queued.id

    def look(self, queued: Queued) -> dict[str, object]:
        """The item as one look sees it; it moves on by that."""
        about = {"id": queued.id, "task": {"name": queued.job}, "stuck": False, "cancelled": queued.cancelled}
        left = "hudson.model.Queue$LeftItem"
        if queued.cancelled:
            return {**about, "_class": left, "why": None}
        if queued.looks < len(queued.script.whys) or self.quiet:
            why = "Jenkins is about to shut down" if self.quiet else queued.script.whys[queued.looks]
            queued.looks += 1
            return {**about, "_class": "hudson.model.Queue$WaitingItem", "why": why}
        if queued.build is None:
            item = self.items[queued.job]
            queued.build = Build(len(item.builds) + 1, queued.script, queued.parameters)
            item.builds.append(queued.build)
        return {**about, "_class": left, "why": None, "executable": {"number": queued.build.number, "url": "unused"}}
