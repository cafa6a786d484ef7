"""The routes document of a site: who is champion, which deployments exist, and who gets which share of traffic.

It is the only owner of traffic: deploy adds and removes arms at 0 %, promote changes shares, rollback is a change
of shares. A split is an ordered list of segments, the champion's last; growing an arm takes a segment from the
champion, shrinking gives its newest back, so that a change moves only units between the champion and the changed
arm.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from legion_ci.core.errors import ConfigurationError, OrderError, ToolError
from legion_ci.core.files import write_atomic
from legion_ci.core.lock import locked
from legion_ci.core.site import Site
from legion_ci.results import ModelRef

WHOLE = 10_000  # the widths of all segments add up to this
_PLAIN = re.compile(r"[\w.:-]*", re.ASCII)  # what goes into Envoy's rewrites and headers without quoting


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment that can take traffic. endpoint: ``host:port`` of its model server; role: "" or who may ask it."""

    deployment: str
    model: ModelRef
    endpoint: str
    role: str = ""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the hash ring, in 1/10,000, owned by one deployment."""

    deployment: str
    width: int


class Routes(msgspec.Struct, frozen=True, kw_only=True):
    """The document. experiment: salt of the assignment; step: the promotion step; mirror: who gets copies."""

    schema_version: int = 1
    revision: int = 0
    champion: str | None = None
    previous: str | None = None  # the champion before this one, for rollback
    experiment: str = ""
    step: str = ""
    arms: tuple[Arm, ...] = ()
    segments: tuple[Segment, ...] = ()
    mirror: str | None = None
    feedback: str | None = None  # host:port of the outcome collector

    def arm(self, deployment: str) -> Arm | None:
        """The arm of that deployment, if it exists."""
        return next((a for a in self.arms if a.deployment == deployment), None)

    def width(self, deployment: str) -> int:
        """Share of a deployment in 1/10,000."""
        return sum(s.width for s in self.segments if s.deployment == deployment)

    def share(self, deployment: str) -> float:
        """Share of a deployment, 0..1."""
        return self.width(deployment) / WHOLE

    @property
    def champion_arm(self) -> Arm | None:
        """The live model."""
        return self.arm(self.champion) if self.champion else None


def read(site: Site) -> Routes:
    """The site's routes; an empty document when there is none yet."""
    try:
        return msgspec.json.decode(site.routes.read_bytes(), type=Routes)
    except FileNotFoundError:
        return Routes()
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        todo = "restore it from routes.json.previous beside it, or undeploy and deploy again"
        raise ToolError(f"is not a routes document ({error})", where=str(site.routes), todo=todo) from error


def change(site: Site, edit: Callable[[Routes], Routes], *, expected_revision: int | None = None) -> Routes:
    """Compare-and-set: apply ``edit`` to the current document and write it with the next revision.

    expected_revision: refuse (OrderError) when the document has moved on since it was read. Returns the new one.
    """
    with locked(site.locks / "routes.lock"):
        old = read(site)
        if expected_revision is not None and old.revision != expected_revision:
            found = f"revision {old.revision}, expected {expected_revision}"
            raise OrderError(f"the routes changed meanwhile ({found})", where=str(site.routes), todo="look again")
        edited = edit(old)
        if edited == old:
            return old
        new = check(msgspec.structs.replace(edited, revision=old.revision + 1))
        if old.revision:
            write_atomic(site.routes.with_name("routes.json.previous"), msgspec.json.encode(old))
        write_atomic(site.routes, msgspec.json.format(msgspec.json.encode(new), indent=2))
        return new


def check(routes: Routes) -> Routes:
    """``routes`` itself when its laws hold; raises ConfigurationError naming the broken law otherwise."""
    broken = [*_strangers(routes), *_bad_shares(routes), *_bad_words(routes)]
    if broken:
        raise ConfigurationError([f"routes: {b}" for b in broken])
    return routes


def _strangers(routes: Routes) -> list[str]:
    names = [a.deployment for a in routes.arms]
    roles = {"champion": routes.champion, "previous champion": routes.previous, "mirror": routes.mirror}
    return [
        *(f"{name} is deployed twice" for name in sorted({n for n in names if names.count(n) > 1})),
        *(f"segment of unknown deployment {s.deployment}" for s in routes.segments if s.deployment not in names),
        *(f"the {role} {name} is not deployed" for role, name in roles.items() if name and name not in names),
    ]


def _bad_shares(routes: Routes) -> list[str]:
    total = sum(s.width for s in routes.segments)
    broken = [f"segment width {s.width}" for s in routes.segments if not 0 < s.width <= WHOLE]
    if routes.segments and total != WHOLE:
        broken.append(f"shares add up to {total / 100:g} %")
    if routes.segments and routes.champion is None:
        broken.append("traffic without a champion")
    return broken


def _bad_words(routes: Routes) -> list[str]:
    words = {"experiment": routes.experiment, "step": routes.step}
    words |= {f"deployment {a.deployment!r}": a.deployment for a in routes.arms}
    return [
        f"{what} {word!r} has characters other than letters, digits and .:_-"
        for what, word in words.items()
        if not _PLAIN.fullmatch(word)
    ]


def add_arm(routes: Routes, arm: Arm) -> Routes:
    """Add a deployment at 0 %, or replace it (its endpoint may have changed) where it is."""
    if routes.arm(arm.deployment) is None:
        return msgspec.structs.replace(routes, arms=(*routes.arms, arm))
    arms = tuple(arm if a.deployment == arm.deployment else a for a in routes.arms)
    return msgspec.structs.replace(routes, arms=arms)


def remove_arm(routes: Routes, deployment: str) -> Routes:
    """Remove a deployment; its share goes back to the champion. The champion itself can only go as the last."""
    if deployment == routes.champion:
        if len(routes.arms) > 1:
            raise OrderError(
                f"{deployment} is the champion and other deployments exist", todo="roll back or remove the others first"
            )
        return Routes(revision=routes.revision, feedback=routes.feedback)
    given_back = set_share(routes, deployment, 0) if routes.width(deployment) else routes
    return msgspec.structs.replace(
        given_back,
        arms=tuple(a for a in routes.arms if a.deployment != deployment),
        mirror=None if routes.mirror == deployment else routes.mirror,
        previous=None if routes.previous == deployment else routes.previous,
    )


def set_share(routes: Routes, deployment: str, width: int) -> Routes:
    """Give a challenger ``width`` 1/10,000 of the traffic, taken from or given back to the champion."""
    if routes.champion is None or deployment == routes.champion:
        raise OrderError(f"the share of {deployment} can only be changed against another champion")
    now = routes.width(deployment)
    free = routes.width(routes.champion)
    if not 0 <= width <= now + free:
        raise ConfigurationError(
            f"a share of {width / 100:g} % is not to be had", todo=f"the champion holds {free / 100:g} %"
        )
    by = width - now
    segments = _grow(routes, deployment, by) if by >= 0 else _shrink(routes, deployment, -by)
    return msgspec.structs.replace(routes, segments=_merge(segments))


def promote(routes: Routes, deployment: str) -> Routes:
    """Make a deployment the champion with all traffic; the old one stays deployed at 0 %, ready for rollback."""
    if routes.arm(deployment) is None:
        raise OrderError(f"{deployment} is not deployed", todo="run deploy first")
    previous = routes.champion if routes.champion != deployment else routes.previous
    return msgspec.structs.replace(
        routes,
        champion=deployment,
        previous=previous,
        mirror=None,
        step="",
        experiment="",
        segments=(Segment(deployment=deployment, width=WHOLE),),
    )


def _grow(routes: Routes, deployment: str, by: int) -> list[Segment]:
    segments = list(routes.segments)
    for index in range(len(segments) - 1, -1, -1):
        segment = segments[index]
        if segment.deployment != routes.champion or by == 0:
            continue
        taken = min(by, segment.width)
        by -= taken
        left = segment.width - taken
        kept = [Segment(deployment=segment.deployment, width=left)] if left else []
        segments[index : index + 1] = [Segment(deployment=deployment, width=taken), *kept]
    return segments


def _shrink(routes: Routes, deployment: str, by: int) -> list[Segment]:
    champion = routes.champion or ""
    segments = list(routes.segments)
    for index in range(len(segments) - 1, -1, -1):
        segment = segments[index]
        if segment.deployment != deployment or by == 0:
            continue
        taken = min(by, segment.width)
        by -= taken
        kept = [Segment(deployment=deployment, width=segment.width - taken)] if segment.width > taken else []
        segments[index : index + 1] = [*kept, Segment(deployment=champion, width=taken)]
    return segments


def _merge(segments: list[Segment]) -> tuple[Segment, ...]:
    merged: list[Segment] = []
    for s in segments:
        if merged and merged[-1].deployment == s.deployment:
            merged[-1] = Segment(deployment=s.deployment, width=merged[-1].width + s.width)
        else:
            merged.append(s)
    return tuple(merged)
