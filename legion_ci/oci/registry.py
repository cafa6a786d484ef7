"""A registry: pushes and fetches blobs and manifests by digest (OCI distribution specification 1.1).

Uploads go on where they broke off; a tag is written last, so that a push that ends early leaves nothing half-tagged.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import msgspec
import requests

from legion_ci.core.errors import ServiceError, ToolError
from legion_ci.core.tools import Tools
from legion_ci.oci import layout
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.credentials import Login
from legion_ci.oci.document import INDEXES, MANIFESTS, Descriptor, Index, Manifest, Platform, digest_of
from legion_ci.oci.image import Built, read
from legion_ci.oci.reference import Reference
from legion_ci.oci.session import Session

_ATTEMPTS = 5
_PAUSE_S = 0.5  # doubled at each attempt
_PIECE = 4 << 20
_AT_ONCE = 4


class Registry:
    """One repository of one registry."""

    def __init__(self, reference: Reference, login: Login = Login(), *, insecure: bool = False) -> None:  # noqa: B008 - frozen
        self.host, self.repository = reference.registry or "registry-1.docker.io", reference.repository
        if not reference.registry and "/" not in self.repository:
            self.repository = f"library/{self.repository}"
        self._session = Session(self.host, login, insecure=insecure)

    @classmethod
    def of(cls, reference: Reference) -> Registry:
        """Without a login."""
        return cls(reference)

    def push(self, blobs: Blobs, top: Descriptor, tag: str, tools: Tools) -> int:
        """Have the registry hold an image (or index) and the tag name it; bytes that were sent.

        Raises ServiceError when the registry stays out of reach, ToolError when it refuses.
        """
        documents = _documents(blobs, top)
        content = {d.digest: d for m in documents if (manifest := _manifest(blobs, m)) for d in _parts(manifest)}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            sent = sum(pool.map(lambda d: self._push_blob(blobs, d, tools), content.values()))
        for document in documents:  # an index after what it names
            self._put_manifest(blobs.read(document.digest), document.media_type, document.digest)
        if tag:
            self._put_manifest(blobs.read(top.digest), top.media_type, tag)
        return sent

    def image(self, reference: Reference, platform: Platform, blobs: Blobs, tools: Tools) -> Built:
        """Fetch an image for a platform into the store; what is there already is not fetched."""
        top = self.manifest(reference.digest or reference.tag or "latest", blobs)
        if top.media_type in INDEXES:
            entries = msgspec.json.decode(blobs.read(top.digest), type=Index).manifests
            top = self.manifest(layout.choose(entries, platform, str(reference)).digest, blobs)
        manifest = _manifest(blobs, top)
        assert manifest is not None
        for descriptor in _parts(manifest):
            self.fetch(descriptor, blobs, tools)
        return read(blobs, top)

    def manifest(self, name: str, blobs: Blobs) -> Descriptor:
        """The manifest or index of a tag or digest, kept in the store."""
        accepted = ", ".join((*MANIFESTS, *INDEXES))
        answer = self._ask("GET", f"manifests/{name}", headers={"Accept": accepted})
        if answer.status_code == 404:
            raise ToolError(
                f"there is no {self.repository}:{name}", where=self.host, todo="see what the registry holds"
            )
        _require(answer, "the manifest was not given", self.host)
        kind = answer.headers.get("content-type", MANIFESTS[0]).split(";")[0]
        found = blobs.put(answer.content, kind)
        if name.startswith("sha256:") and found.digest != name:
            raise ToolError(f"the registry gave another manifest than {name}", where=self.host, todo="do not trust it")
        return found

    def has(self, name: str) -> bool:
        """Whether there is a manifest of that tag or digest."""
        return self._ask("HEAD", f"manifests/{name}", headers={"Accept": ", ".join((*MANIFESTS, *INDEXES))}).ok

    def delete(self, digest: str) -> bool:
        """Remove a manifest by digest; False when there was none. Raises ToolError when the registry does not allow it."""
        answer = self._ask("DELETE", f"manifests/{digest}")
        if answer.status_code == 404:
            return False
        _require(answer, "the manifest was not removed", self.host)
        return True

    def referrers(self, digest: str, kind: str = "") -> tuple[Descriptor, ...]:
        """What is attached to an image: by the referrers' address, else by the tag that stands for it (specification, "Referrers")."""
        answer = self._ask("GET", f"referrers/{digest}")
        if not answer.ok or "json" not in answer.headers.get("content-type", ""):
            answer = self._ask("GET", f"manifests/{referrers_tag(digest)}", headers={"Accept": INDEXES[0]})
        if not answer.ok:
            return ()
        found = msgspec.json.decode(answer.content, type=Index).manifests
        return tuple(d for d in found if not kind or d.artifact_type == kind)

    def attach(self, blobs: Blobs, subject: str, attached: list[Descriptor], tools: Tools) -> None:
        """Push what refers to an image; registries without referrers get the list as a tag of their own."""
        for descriptor in attached:
            self.push(blobs, descriptor, "", tools)
        listed = {d.digest for d in self.referrers(subject)}
        if not {d.digest for d in attached} <= listed:
            known = tuple(d for d in self.referrers(subject) if d.digest not in {a.digest for a in attached})
            index = blobs.put(msgspec.json.encode(_index((*known, *attached)), order="sorted"), INDEXES[0])
            self._put_manifest(blobs.read(index.digest), index.media_type, referrers_tag(subject))

    def _push_blob(self, blobs: Blobs, descriptor: Descriptor, tools: Tools) -> int:
        path = f"blobs/{descriptor.digest}"
        if self._ask("HEAD", path).ok:
            return 0
        place, last = "", ""
        for attempt in range(_ATTEMPTS):
            try:
                place, offset = self._place(place)
                answer = self._send(place, blobs.path(descriptor.digest), offset, descriptor)
                if answer.status_code == 201:
                    return descriptor.size
                last = _told(answer)
                if answer.status_code in (400, 401, 403, 413):
                    _require(answer, "the upload was refused", self.host)
            except (requests.ConnectionError, requests.Timeout, ServiceError) as error:
                last = _short(error)
            if attempt + 1 < _ATTEMPTS:
                tools.progress.say(f"the upload to {self.host} broke off ({last}); it goes on")
                time.sleep(_PAUSE_S * 2**attempt)
            if not self._goes_on(place):
                place = ""
        raise ServiceError(f"the upload did not succeed in {_ATTEMPTS} attempts ({last})", where=self.host,
                           todo="see that the registry runs and has space, then package again: what is there is kept")  # fmt: skip

    def _place(self, known: str) -> tuple[str, int]:
        """Where the next bytes go, and how many are there already."""
        if known:
            answer = self._session.request("GET", known)
            end = answer.headers.get("range", "").rpartition("-")[2]
            if answer.status_code == 204 and end.isdigit():
                return urljoin(known, answer.headers.get("location", known)), int(end) + 1 if int(end) else 0
        answer = self._ask("POST", "blobs/uploads/", data=b"")
        _require(answer, "no upload could be begun", self.host)
        return urljoin(str(answer.url), answer.headers["location"]), 0

    def _goes_on(self, place: str) -> bool:
        try:
            return bool(place) and self._session.request("GET", place).status_code == 204
        except (requests.RequestException, ServiceError):
            return bool(place)

    def _send(self, place: str, path: Path, offset: int, descriptor: Descriptor) -> requests.Response:
        """Send the rest in one piece and close the upload with the digest."""
        rest = descriptor.size - offset
        if offset and rest > 0:
            headers = {"Content-Range": f"{offset}-{descriptor.size - 1}", "Content-Length": str(rest)}
            answer = self._session.upload("PATCH", place, path, offset, headers)
            if answer.status_code != 202:
                return answer
            place, rest = urljoin(place, answer.headers.get("location", place)), 0
        closing = f"{place}{'&' if '?' in place else '?'}digest={descriptor.digest}"
        start = offset if rest else descriptor.size
        return self._session.upload("PUT", closing, path, start, {"Content-Length": str(descriptor.size - start)})

    def _put_manifest(self, content: bytes, kind: str, name: str) -> None:
        answer = self._ask("PUT", f"manifests/{name}", data=content, headers={"Content-Type": kind})
        _require(answer, f"the manifest {name} was refused", self.host)
        if (told := answer.headers.get("docker-content-digest")) and told != digest_of(content):
            raise ToolError(f"the registry keeps another manifest ({told})", where=self.host, todo="do not trust it")

    def fetch(self, descriptor: Descriptor, blobs: Blobs, tools: Tools) -> None:
        """Have a blob in the store."""
        if blobs.has(descriptor.digest, descriptor.size):
            return
        tools.progress.say(f"fetching {descriptor.size / 1e6:.1f} MB from {self.host}")
        answer = self._ask("GET", f"blobs/{descriptor.digest}", stream=True)
        _require(answer, "a blob was not given", self.host)
        with blobs.incoming() as incoming:
            for piece in answer.iter_content(_PIECE):
                incoming.file.write(piece)
            incoming.keep(descriptor.digest)
        blobs.check(descriptor.digest)

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """A request below the repository, again while the registry is away or says that it is busy."""
        url, last = f"{self._session.root}/v2/{self.repository}/{path}", ""
        for attempt in range(_ATTEMPTS):
            try:
                answer = self._session.request(method, url, **more)
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
                last = _told(answer)
            except (requests.ConnectionError, requests.Timeout) as error:
                last = _short(error)
            time.sleep(_PAUSE_S * 2**attempt if attempt + 1 < _ATTEMPTS else 0)
        raise ServiceError(
            f"the registry does not answer ({last})", where=self.host, todo="see that it runs and is reachable"
        )


def referrers_tag(digest: str) -> str:
    """The tag that stands for the referrers of a digest where a registry does not list them."""
    return digest.replace(":", "-")


def _index(manifests: tuple[Descriptor, ...]) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": msgspec.to_builtins(manifests)}


def _documents(blobs: Blobs, top: Descriptor) -> list[Descriptor]:
    """Manifests below an index, then itself."""
    if top.media_type not in INDEXES:
        return [top]
    return [*msgspec.json.decode(blobs.read(top.digest), type=Index).manifests, top]


def _manifest(blobs: Blobs, descriptor: Descriptor) -> Manifest | None:
    if descriptor.media_type in INDEXES:
        return None
    return msgspec.json.decode(blobs.read(descriptor.digest), type=Manifest)


def _parts(manifest: Manifest) -> Iterator[Descriptor]:
    yield from manifest.layers
    yield manifest.config


def _require(answer: requests.Response, what: str, host: str) -> None:
    if answer.ok:
        return
    if answer.status_code in (401, 403):
        raise ToolError(f"{what}: the login is not accepted ({_told(answer)})", where=host,
                        todo="see package.credentials, or docker login, and what that user may do")  # fmt: skip
    raise ToolError(f"{what} ({_told(answer)})", where=host, todo="see the registry's log")


def _told(answer: requests.Response) -> str:
    """Status and the registry's own words."""
    try:
        errors = answer.json().get("errors") or []
        words = "; ".join(str(e.get("message") or e.get("code")) for e in errors)
    except (ValueError, AttributeError):
        words = answer.text.strip()[:200]
    return f"{answer.status_code} {words or answer.reason}"


def _short(error: BaseException) -> str:
    return type(error).__name__ if not str(error) else str(error).splitlines()[0][:200]
