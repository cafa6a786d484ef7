"""A Jenkins that speaks its REST interface on loopback, as strict about it as the real one; see jenkins_state for what it holds.

From the documented behaviour: a POST with a password needs the crumb and the session that it was given to (an API token
needs none); a build answers 201 with the queue item's Location; a job with parameters is not built by /build, one without is not by
/buildWithParameters, and parameters that it does not know are dropped; the console goes by offsets into the raw log.
"""

from __future__ import annotations

import base64
import http.server
import json
import re
import secrets
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, unquote, urlsplit

import yaml
from jenkins_state import FOLDER, MULTIBRANCH, PIPELINE, Item, State

PREFIX = "/ci"  # servers often live below one
_FIELD = "Jenkins-Crumb"


class Refused(Exception):
    def __init__(self, status: int, told: str, **headers: str) -> None:
        self.status, self.told, self.headers = status, told, headers
        super().__init__(told)


class Handler(http.server.BaseHTTPRequestHandler):
    state: State
    seen: list[tuple[str, str]]
    protocol_version = "HTTP/1.1"

    def log_message(self, *args) -> None:
        pass

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def _serve(self, method: str) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((method, self.path))
        try:
            parts = urlsplit(self.path)
            if not parts.path.startswith(PREFIX + "/"):
                raise Refused(404, "Not Found")
            self.query = {k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
            self.user, by_token = self._user()
            if method == "POST" and not by_token:
                self._crumb()
            self._route(method, parts.path[len(PREFIX) + 1 :])
        except Refused as refusal:
            page = f"<html><head><title>Error {refusal.status} {refusal.told}</title></head><body>{refusal.told}</body></html>"
            self._answer(refusal.status, page.encode(), "text/html;charset=utf-8", **refusal.headers)

    def _answer(self, status: int, content: bytes = b"", kind: str = "text/plain", **headers: str) -> None:
        self.send_response(status)
        self.send_header("X-Jenkins", "2.516.3")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def _json(self, told: object, **headers: str) -> None:
        self._answer(200, json.dumps(told).encode(), "application/json;charset=utf-8", **headers)

    def _user(self) -> tuple[str, bool]:
        header = self.headers.get("Authorization", "")
        if not header.startswith("Basic "):
            raise Refused(403, "Authentication required", X_You_Are_Authenticated_As="anonymous")
        user, _, secret = base64.b64decode(header[6:]).decode().partition(":")
        by_token = self.state.tokens.get(user) == secret
        if not by_token and self.state.passwords.get(user) != secret:
            raise Refused(401, "Unauthorized", WWW_Authenticate='Basic realm="Jenkins"')
        return user, by_token

    def _session(self) -> str:
        found = re.search(r"JSESSIONID\.1a=(\w+)", self.headers.get("Cookie", ""))
        return found[1] if found else ""

    def _crumb(self) -> None:
        wanted = self.state.crumbs.get(self._session())
        if self.state.crumbs_wanted and (wanted is None or self.headers.get(_FIELD) != wanted):
            raise Refused(403, "No valid crumb was included in the request")

    def _permission(self, name: str) -> None:
        if self.user not in self.state.administrators:
            raise Refused(403, f"{self.user} is missing the {name} permission")

    def _route(self, method: str, path: str) -> None:
        names = []
        while found := re.match(r"job/([^/]+)/", path):
            names.append(unquote(found[1]))
            path = path[found.end() :]
        if names:
            return self._item(method, "/".join(names), path)
        if found := re.fullmatch(r"queue/item/(\d+)/api/json", path):
            return self._queued(int(found[1]))
        pages = {
            ("GET", "api/json"): lambda: self._json(
                {"quietingDown": self.state.quiet, "url": self._root(), "jobs": []}
            ),
            ("GET", "me/api/json"): lambda: self._json({"id": self.user, "fullName": self.user.title()}),
            ("GET", "crumbIssuer/api/json"): self._issue,
            ("GET", "pluginManager/api/json"): self._plugins,
            ("GET", "computer/api/json"): lambda: self._json({"computer": self.state.nodes}),
            ("POST", "configuration-as-code/export"): self._export,
            ("POST", "queue/cancelItem"): self._cancel,
            (method, "createItem"): lambda: self._create(method, ""),
        }
        if (method, path) not in pages:
            raise Refused(404, "Not Found")
        pages[method, path]()

    def _queued(self, number: int) -> None:
        queued = self.state.queue.get(number)
        if queued is None or queued.forgotten:
            raise Refused(404, "Not Found")
        self._json(self.state.look(queued))

    def _plugins(self) -> None:
        self._permission("Overall/SystemRead")
        self._json({"plugins": [{"shortName": n, "version": v, "active": True} for n, v in self.state.plugins.items()]})

    def _export(self) -> None:
        self._permission("Overall/SystemRead")
        told = {"unclassified": {"globalLibraries": {"libraries": self.state.libraries}}}
        self._answer(200, yaml.safe_dump(told).encode(), "application/x-yaml")

    def _cancel(self) -> None:
        if int(self.query["id"]) not in self.state.queue:
            raise Refused(404, "Not Found")
        self.state.queue[int(self.query["id"])].cancelled = True
        self._answer(204)

    def _root(self) -> str:
        return f"http://{self.headers['Host']}{PREFIX}/"

    def _issue(self) -> None:
        if not self.state.crumbs_wanted:
            raise Refused(404, "Not Found")
        session = self._session() or secrets.token_hex(8)
        crumb = self.state.crumbs.setdefault(session, secrets.token_hex(16))
        self._json(
            {"crumb": crumb, "crumbRequestField": _FIELD},
            Set_Cookie=f"JSESSIONID.1a={session}; Path={PREFIX}; HttpOnly",
        )

    def _create(self, method: str, parent: str) -> None:
        if method != "POST":
            raise Refused(405, "Method Not Allowed", Allow="POST")
        self._permission("Job/Create")
        if self.headers.get_content_type() not in ("text/xml", "application/xml"):
            raise Refused(400, "No mode given")
        name = self.query.get("name", "")
        if not name or re.search(r"[?*/\\%!@#$^&|<>\[\]:;]", name):
            raise Refused(400, f"‘{name}’ is not a safe name".encode("ascii", "replace").decode())
        full = f"{parent}/{name}" if parent else name
        if full in self.state.items:
            raise Refused(400, "A job already exists with the name " + name)
        self.state.items[full] = Item(full, self._xml())
        self._answer(200)

    def _xml(self) -> ET.Element:
        try:
            root = ET.fromstring(self.body.decode().split("?>", 1)[-1])
        except ET.ParseError as error:
            raise Refused(500, f"Oops! {error}") from None
        if root.tag not in (FOLDER, MULTIBRANCH, PIPELINE):
            raise Refused(500, f"CannotResolveClassException: {root.tag}")
        return root

    def _item(self, method: str, name: str, path: str) -> None:
        item = self.state.items.get(name)
        if item is None:
            raise Refused(404, "Not Found")
        if path == "createItem" and item.kind == FOLDER:
            return self._create(method, name)
        if path == "config.xml":
            self._permission("Job/Configure")
            if method == "GET":
                return self._answer(200, item.kept().encode(), "application/xml")
            item.root = self._xml()
            return self._answer(200)
        if path in ("build", "buildWithParameters"):
            return self._build(method, item, path)
        if path == "api/json":
            return self._json(self._about(item))
        if found := re.fullmatch(r"(\d+|lastBuild|lastCompletedBuild)/(.*)", path):
            return self._of_build(item, found[1], found[2])
        raise Refused(404, "Not Found")

    def _about(self, item: Item) -> dict[str, object]:
        if item.kind != PIPELINE:
            return {"name": item.name.rsplit("/", 1)[-1], "jobs": []}
        definitions = []
        for name, node in item.parameters().items():
            kind = node.tag.rsplit(".", 1)[-1]
            choices = [c.text or "" for c in node.iter("string")]
            default = choices[0] if choices else node.findtext("defaultValue") or ""
            value = (default == "true") if kind.startswith("Boolean") else default
            told = {"name": name, "type": kind, "defaultParameterValue": {"name": name, "value": value}}
            definitions.append(told | ({"choices": choices} if choices else {}))
        properties = [{"parameterDefinitions": definitions}] if definitions else [{}]
        return {"name": item.name.rsplit("/", 1)[-1], "buildable": not item.disabled, "property": properties}

    def _build(self, method: str, item: Item, path: str) -> None:
        if method != "POST":
            raise Refused(405, "Method Not Allowed", Allow="POST")
        if item.kind == MULTIBRANCH:
            self.state.scan(item)
            return self._answer(302, Location=f"{self._root()}job/{item.name.replace('/', '/job/')}/")
        if item.disabled:
            raise Refused(409, f"{item.name} is not buildable")
        known = item.parameters()
        if path == "build" and known:
            raise Refused(400, "Nothing is submitted")
        if path == "buildWithParameters" and not known:
            raise Refused(400, f"{item.name} is not parameterized")
        form = {k: v[-1] for k, v in parse_qs(self.body.decode(), keep_blank_values=True).items()}
        given = {k: v for k, v in {**self.query, **form}.items() if k in known}
        number = self.state.enqueue(item.name, given)
        self._answer(201, Location=f"{self._root()}queue/item/{number}/")

    def _of_build(self, item: Item, which: str, path: str) -> None:
        done = [b for b in item.builds if which != "lastCompletedBuild" or not b.building]
        build = next((b for b in done if str(b.number) == which), None) if which.isdigit() else (done or [None])[-1]
        if build is None:
            raise Refused(404, "Not Found")
        if path == "api/json":
            if build.shown >= len(build.script.console):
                build.settled += 1
            files = (
                []
                if build.building
                else [{"fileName": f.rsplit("/", 1)[-1], "relativePath": f} for f in build.script.files]
            )
            url = f"{self._root()}job/{item.name.replace('/', '/job/')}/{build.number}/"
            result = None if build.building else build.script.result
            return self._json(
                {"number": build.number, "url": url, "building": build.building, "result": result, "artifacts": files}
            )
        if path == "logText/progressiveText":
            build.shown = min(build.shown + 1, len(build.script.console))
            start, log = int(self.query.get("start", 0)), build.log
            text = log[start if start <= len(log) else 0 :]
            more = {"X_More_Data": "true"} if build.shown < len(build.script.console) else {}
            shown = re.sub(rb"\x1b\[8mha:.*?\x1b\[0m", b"", text)  # annotations count in the offset and are not sent
            return self._answer(200, shown, "text/plain;charset=UTF-8", X_Text_Size=str(len(log)), **more)
        if path.startswith("artifact/") and (content := build.script.files.get(unquote(path[9:]))) is not None:
            return self._answer(200, content, "application/octet-stream")
        raise Refused(404, "Not Found")


class Jenkins:
    """A running server. seen: (method, path) of each request."""

    def __init__(self, url: str, state: State, seen: list[tuple[str, str]]) -> None:
        self.url, self.state, self.seen = url, state, seen

    def posts(self) -> list[str]:
        """Paths of what changed something."""
        return [path for method, path in self.seen if method == "POST"]


@contextmanager
def running(state: State | None = None) -> Iterator[Jenkins]:
    """A server on a free port."""
    state, seen = state or State(), []
    handler = type("Bound", (Handler,), {"state": state, "seen": seen})
    with serving(handler) as address:
        yield Jenkins(f"{address}{PREFIX}/", state, seen)


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Any handler on a free port; its address without a slash."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
