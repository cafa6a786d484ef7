"""From data to deployment: what the run is made of, by digest."""

from __future__ import annotations

from collections.abc import Iterable

from legion_ci.report import changes, parts, wording
from legion_ci.report.layout import LINEAGE, page
from legion_ci.report.markup import Child, Node, html
from legion_ci.report.records import Story
from legion_ci.results import Image

Pairs = list[tuple[str, Child]]


def render(story: Story, title: str) -> str:
    """The page: the chain, what differs from the last promoted build, what train logged."""
    nothing = parts.note("No stage of this run has left a record.") if story.model is None else None
    return page(story, title, LINEAGE, nothing, section(story), changes.table(story), training(story))


def section(story: Story) -> Node | None:
    """The chain as a list of cards, those that are known."""
    steps: Iterable[tuple[str, Pairs]] = (
        ("Data", _data(story)), ("Code", _code(story)), ("Model", _model(story)), ("Package", _package(story)),
        ("Deployment", _deployment(story)),
    )  # fmt: skip
    known = [html("li", {}, html("h3", {}, title), parts.facts(pairs)) for title, pairs in steps if pairs]
    return parts.section("Where it comes from", html("ol", {"class": "lineage"}, known)) if known else None


def _digest(value: str) -> Node | None:
    return parts.code(wording.short(value)) if value else None


def _data(story: Story) -> Pairs:
    train, quality = story.train, story.quality
    pairs: Pairs = [(name, _digest(digest)) for name, digest in sorted(train.provenance.data.items())] if train else []
    if train and train.n_rows:
        pairs.append(("training rows", wording.count(train.n_rows)))
    if quality and quality.n_rows:
        pairs += [("eval", _digest(quality.data_digest)), ("evaluation rows", wording.count(quality.n_rows))]
    return pairs


def _code(story: Story) -> Pairs:
    if story.train is None:
        return []
    origin = story.train.provenance
    changed = ", with changes that are not committed" if origin.dirty else ""
    commit = [parts.code(wording.short(origin.commit)) if origin.commit != "no commit" else "none", changed]
    return [
        ("commit", commit), ("code", _digest(origin.code)), ("settings", _digest(origin.settings)),
        ("build", parts.link(origin.build) if origin.build else None),
    ]  # fmt: skip


def _model(story: Story) -> Pairs:
    model, train = story.model, story.train
    if model is None:
        return []
    pairs: Pairs = [
        ("name", parts.name(model.name)),
        ("version", parts.name(model.version)),
        ("digest", _digest(model.artefact.digest)),
    ]
    if model.run_id:
        pairs.append(("MLflow run", parts.code(model.run_id)))
    if train:
        pairs += [
            ("experiment", parts.name(train.experiment)),
            ("tracking", parts.link(train.tracking_uri)),
            ("lock", _digest(train.lock_digest)),
        ]
    return pairs


def _package(story: Story) -> Pairs:
    if story.package is None:
        return []
    size = story.package.package.size_bytes
    told = f"{wording.number(size / 1e6)} MB" if size else None
    made = [("kind", parts.name(story.package.kind)), ("digest", _digest(story.package.package.digest)), ("size", told)]
    return [*made, *_image(story.package.image)]


def _image(image: Image | None) -> Pairs:
    if image is None:
        return []
    told = [("image", image.reference), ("image digest", image.digest), ("base", image.base),
            ("bill of materials", image.sbom), ("provenance", image.provenance), ("signature", image.signature or "none")]  # fmt: skip
    return [
        (name, parts.name(value) if name == "image" else _digest(value.removeprefix("sha256:"))) for name, value in told
    ]


def _deployment(story: Story) -> Pairs:
    deploy = story.deploy
    if deploy is None:
        return []
    return [("id", parts.name(deploy.deployment)), ("traffic", parts.link(deploy.url)), ("host", deploy.host or None)]


def training(story: Story) -> Node | None:
    """Metrics and parameters that train logged."""
    train = story.train
    if train is None or not (train.metrics or train.parameters or train.documents):
        return None
    metrics = [(k, wording.number(v)) for k, v in sorted(train.metrics.items())[:60]]
    chosen = [(k, parts.name(v)) for k, v in sorted(train.parameters.items())[:60]]
    told: list[Child] = [html("h3", {}, "Metrics"), parts.facts(metrics)] if metrics else []
    told += [html("h3", {}, "Parameters"), parts.facts(chosen)] if chosen else []
    return parts.section("Training", told, _documents(story))


def _documents(story: Story) -> Node | None:
    """Links to the pages that training left beside this one, unless it was skipped: they are in the run that trained."""
    record = story.gate("train").record
    if story.train is None or not story.train.documents or record is None or record.skipped:
        return None
    links = [html("li", {}, html("a", {"href": f"training/{name}"}, name)) for name in story.train.documents]
    return html("ul", {}, links)
