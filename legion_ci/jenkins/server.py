"""A Jenkins server through python-jenkins, which only this module imports: each failure becomes an error that says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from legion_ci.core.errors import ConfigurationError, LegionError, OrderError, ServiceError, ToolError, missing_package
from legion_ci.jenkins.address import Address

try:
    import jenkins as api
    import requests
except ImportError as error:
    raise missing_package(error, "jenkins") from None

_STATUS = re.compile(r"\[(\d{3})\]")
_TITLE = re.compile(r"<title>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Welcome:
    """What a server says of itself. me: the user that it takes us for. quiet: it starts no builds at the moment."""

    version: str
    me: str
    quiet: bool
    root: str = ""


class Server:
    """One server; every request has a time limit of ``timeout_s`` and goes with the crumb of its session."""

    def __init__(self, address: Address, timeout_s: float = 30.0) -> None:
        self.address = address
        self._api = api.Jenkins(address.url, address.user, address.token, timeout=max(1, round(timeout_s)))
        self._api._auths = self._api._auths[:1]  # the token alone: no guessing of Kerberos

    def welcome(self) -> Welcome:
        """Say hello. Raises ConfigurationError (not Jenkins, moved, refused) or ServiceError (out of reach)."""
        answer = self._raw("GET", "api/json", what="the server")
        version = answer.headers.get("X-Jenkins")
        where = answer.url.split("api/json")[0]
        if where != self.address.url:
            raise ConfigurationError(
                f"{self.address.url} leads to {where}",
                where="jenkins.url",
                todo=f"set it to {where}, since a POST does not follow",
            )
        if answer.status_code in (401, 403):
            raise self._refused(answer.status_code, "the server", answer.text)
        if answer.status_code >= 500:
            raise ServiceError(
                f"answers {answer.status_code}{_told(answer.text)}",
                where=self.address.url,
                todo="it may be starting up",
            )
        if version is None or answer.status_code != 200:
            raise ConfigurationError(
                f"{self.address.url} is not Jenkins (status {answer.status_code}, no header X-Jenkins)",
                where="jenkins.url", todo="write the address of Jenkins' start page, with its prefix if it has one",
            )  # fmt: skip
        told = _json(answer, self.address.url)
        return Welcome(version, self._me(), bool(told.get("quietingDown")), str(told.get("url") or ""))

    def _me(self) -> str:
        return str(self._get("me/api/json", "the user").get("id") or "anonymous")

    def has(self, name: str) -> bool:
        """Whether there is a job or folder of that full name that we may see."""
        return self._raw("GET", f"{path(name)}api/json?tree=name", what=name).status_code == 200

    def config(self, name: str) -> str:
        """The job's config.xml."""
        with self._explained(name):
            return str(self._api.get_job_config(name))

    def create(self, name: str, config: str) -> None:
        """A new job or folder; its parent is there."""
        with self._explained(name):
            self._api.create_job(name, config)

    def configure(self, name: str, config: str) -> None:
        """Replace the job's configuration."""
        with self._explained(name):
            self._api.reconfig_job(name, config)

    def scan(self, name: str) -> None:
        """Look for branches now."""
        self._post(f"{path(name)}build?delay=0", name)

    def start(self, name: str, parameters: dict[str, str]) -> int:
        """Put a build into the queue and return the item's number."""
        with self._explained(name):
            return int(self._api.build_job(name, parameters or None))

    def job(self, name: str) -> dict[str, Any]:
        """What the server tells of a job."""
        return self._get(f"{path(name)}api/json", name)

    def queued(self, item: int) -> dict[str, Any] | None:
        """What the server tells of a queue item; None when it has forgotten it."""
        answer = self._raw("GET", f"queue/item/{item}/api/json", what=f"queue item {item}")
        if answer.status_code == 404:
            return None
        return _json(self._checked(answer, f"queue item {item}"), f"queue item {item}")

    def cancel(self, item: int) -> None:
        """Take an item out of the queue."""
        self._post(f"queue/cancelItem?id={item}", f"queue item {item}")

    def build(self, name: str, number: int | str) -> dict[str, Any]:
        """What the server tells of a build. number: or ``lastBuild``, ``lastCompletedBuild``, …."""
        return self._get(f"{path(name)}{number}/api/json", f"{name} #{number}")

    def console(self, name: str, number: int, start: int) -> tuple[bytes, int, bool]:
        """Console text from an offset on: (text, the next offset, whether more will come).

        The offset counts bytes of the raw log, which are not those of the text: annotations are left out of it.
        """
        answer = self._raw("GET", f"{path(name)}{number}/logText/progressiveText?start={start}", what=name)
        self._checked(answer, f"the console of {name} #{number}")
        size = answer.headers.get("X-Text-Size", str(start))
        return answer.content, int(size), answer.headers.get("X-More-Data") == "true"

    def artefact(self, name: str, number: int, relative: str) -> Iterator[bytes]:
        """A build's artefact in pieces."""
        answer = self._raw("GET", f"{path(name)}{number}/artifact/{quote(relative)}", what=relative, stream=True)
        with answer:
            self._checked(answer, f"artefact {relative} of {name} #{number}")
            yield from answer.iter_content(1 << 16)

    def plugins(self) -> dict[str, str]:
        """Short name -> version of each active plug-in."""
        told = self._get("pluginManager/api/json?depth=1", "the list of plug-ins")
        return {str(p["shortName"]): str(p["version"]) for p in told.get("plugins", ()) if p.get("active", True)}

    def agents(self) -> list[dict[str, Any]]:
        """What the server tells of its nodes."""
        return list(self._get("computer/api/json", "the agents").get("computer", ()))

    def exported(self) -> str:
        """The configuration as Configuration-as-Code exports it."""
        return self._post("configuration-as-code/export", "the exported configuration").text

    def crumb(self) -> bool:
        """Whether the server protects itself against forged requests; asks for a crumb."""
        return self._raw("GET", "crumbIssuer/api/json", what="the crumb").status_code == 200

    def _get(self, relative: str, what: str) -> dict[str, Any]:
        return _json(self._checked(self._raw("GET", relative, what=what), what), what)

    def _post(self, relative: str, what: str) -> requests.Response:
        request = requests.Request("POST", self.address.url + relative)
        with self._explained(what):
            self._api.maybe_add_crumb(request)
        return self._checked(self._sent(request, what), what)

    def _raw(self, method: str, relative: str, what: str, stream: bool = False) -> requests.Response:
        return self._sent(requests.Request(method, self.address.url + relative), what, stream)

    def _sent(self, request: requests.Request, what: str, stream: bool = False) -> requests.Response:
        """Send it. A POST follows no redirect: it would arrive as a GET and do nothing."""
        session = self._api._session
        with self._explained(what):
            self._api._maybe_add_auth()
            prepared = session.prepare_request(request)
            how = session.merge_environment_settings(prepared.url, {}, stream, session.verify, None)
            follow = request.method == "GET"
            return session.send(prepared, **how, timeout=self._api.timeout, allow_redirects=follow)  # type: ignore[no-any-return]

    def _checked(self, answer: requests.Response, what: str) -> requests.Response:
        if answer.status_code in (401, 403):
            raise self._refused(answer.status_code, what, answer.text)
        if answer.status_code == 404:
            raise self._missing(what)
        if answer.status_code >= 400:
            raise ToolError(f"{what}: answers {answer.status_code}{_told(answer.text)}", where=self.address.url)
        return answer

    def _refused(self, status: int, what: str, text: str) -> ConfigurationError:
        if status == 401:
            return ConfigurationError(
                f"does not know user {self.address.user} with this token (401)", where=self.address.url,
                todo="make an API token (your name → Security → API Token) and set jenkins.user and jenkins.token",
            )  # fmt: skip
        if "crumb" in text.lower():
            return ConfigurationError(
                f"{what}: the crumb was refused (403)", where=self.address.url,
                todo="use an API token instead of a password; a proxy may have dropped the session's cookie",
            )  # fmt: skip
        permission = re.search(r"missing the ([\w/ ]+) permission", text)
        lacks = f" lacks {permission[1]}" if permission else " may not do this"
        return ConfigurationError(
            f"{what}: user {self.address.user}{lacks} (403)",
            where=self.address.url,
            todo="ask the administrator for it",
        )

    def _missing(self, what: str) -> OrderError:
        return OrderError(
            f"{what}: there is none that user {self.address.user} may see (404)", where=self.address.url,
            todo="legion-ci jenkins.job makes the job; legion-ci jenkins.doctor shows what is there",
        )  # fmt: skip

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Failures of python-jenkins and of the network as ours."""
        try:
            yield
        except LegionError:
            raise
        except api.NotFoundException:
            raise self._missing(what) from None
        except (api.TimeoutException, requests.exceptions.Timeout):
            raise ServiceError(
                f"{what}: no answer within {self._api.timeout} s",
                where=self.address.url,
                todo="try again, or raise jenkins.timeout",
            ) from None
        except requests.exceptions.SSLError as error:
            raise ServiceError(
                f"its certificate is not trusted ({_short(error)})",
                where=self.address.url,
                todo="set REQUESTS_CA_BUNDLE to the authority's file",
            ) from None
        except requests.exceptions.HTTPError as error:
            status, text = (a.status_code, a.text) if (a := error.response) is not None else (0, "")
            raise ToolError(f"{what}: answers {status}{_told(text)}", where=self.address.url) from None
        except requests.exceptions.RequestException as error:
            raise ServiceError(
                f"cannot be reached ({_short(error)})",
                where=self.address.url,
                todo="check jenkins.url, the network and the proxy",
            ) from None
        except api.JenkinsException as error:
            raise self._told_by_library(str(error), what) from None

    def _told_by_library(self, text: str, what: str) -> LegionError:
        """401, 403 and 500 come as a text only."""
        status = int(found[1]) if (found := _STATUS.search(text)) else 0
        if status in (401, 403):
            return self._refused(status, what, text)
        return ToolError(f"{what}: {_short(text)}{_told(text)}", where=self.address.url)


def path(name: str) -> str:
    """``Models/flight-delay`` as the path of its pages, ``job/Models/job/flight-delay/``."""
    return "".join(f"job/{quote(part, safe='')}/" for part in name.split("/") if part)


def _json(answer: requests.Response, what: str) -> dict[str, Any]:
    try:
        found = json.loads(answer.content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ServiceError(
            f"{what}: the answer is not JSON", where=answer.url, todo="a login page or a proxy may be in between"
        )
    return found


def _told(text: str) -> str:
    """What an error page says in its title."""
    found = _TITLE.search(text)
    return f": {' '.join(found[1].split())[:200]}" if found else ""


def _short(error: object) -> str:
    """The innermost reason, cut: requests wraps what the network said three times."""
    inner = getattr(error, "args", None)
    if inner and (reason := getattr(inner[0], "reason", None)) is not None:
        return str(reason).rsplit(": ", 1)[-1][:200]
    return " ".join(str(error).split())[:200]
