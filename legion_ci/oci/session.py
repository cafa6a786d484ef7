"""HTTP to one registry: https unless it is on loopback, and the tokens that it asks for (distribution token authentication)."""

from __future__ import annotations

import ipaddress
import re
import threading
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests

from legion_ci.core.errors import ServiceError, ToolError
from legion_ci.oci.credentials import Login

_TIMEOUT_S = (10.0, 300.0)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class Session:
    """Requests to a registry with its login. Used by several threads at once."""

    def __init__(self, host: str, login: Login, *, insecure: bool = False) -> None:
        self.root = f"{'http' if insecure or _is_loopback(host) else 'https'}://{host}"
        self._host, self._login = host, login
        self._tokens: dict[str, str] = {}
        self._local = threading.local()

    def request(self, method: str, url: str, **more: Any) -> requests.Response:
        """A request; one that is asked for a token gets it and is sent again. Raises requests' errors."""
        answer = self._send(method, url, **more)
        if answer.status_code != 401 or not self._authorise(answer):
            return answer
        return self._send(method, url, **more)

    def upload(self, method: str, url: str, path: Path, offset: int, headers: Mapping[str, str]) -> requests.Response:
        """Send a file from an offset on; it is read while it is sent."""
        for attempt in range(2):
            with path.open("rb") as content:
                content.seek(offset)
                more = {"Content-Type": "application/octet-stream", **headers}
                answer = self._send(method, url, data=content if more["Content-Length"] != "0" else b"", headers=more)
            if answer.status_code != 401 or attempt or not self._authorise(answer):
                break
        return answer

    def _send(self, method: str, url: str, **more: Any) -> requests.Response:
        headers = {**self._authorization(url), **more.pop("headers", {})}
        try:
            return self._own.request(method, url, headers=headers, timeout=_TIMEOUT_S, **more)
        except requests.exceptions.SSLError as error:
            raise ServiceError(
                f"the registry's certificate is not accepted ({error})", where=self._host,
                todo="set REQUESTS_CA_BUNDLE to the authority's certificate, or package.insecure for plain http",
            ) from error  # fmt: skip

    @property
    def _own(self) -> requests.Session:
        """This thread's connections."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = True
            self._local.session.auth = _NoNetrc()
            self._local.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session: requests.Session = self._local.session
        return session

    def _authorization(self, url: str) -> dict[str, str]:
        told = self._tokens.get("bearer") if url.startswith(self.root) else None  # a blob may lie elsewhere, signed
        return {"Authorization": told} if told else {}

    def _authorise(self, refused: requests.Response) -> bool:
        """Get what the refusal asks for; False when there is nothing to be had."""
        challenge = refused.headers.get("www-authenticate", "")
        kind = challenge.partition(" ")[0].lower()
        if kind == "basic" and self._login:
            basic = requests.auth._basic_auth_str(self._login.user, self._login.password)
            known, self._tokens["bearer"] = self._tokens.get("bearer"), basic
            return known != basic
        if kind != "bearer":
            return False
        self._tokens["bearer"] = f"Bearer {self._token(dict(_CHALLENGE.findall(challenge)))}"
        return True

    def _token(self, told: dict[str, str]) -> str:
        who = (self._login.user, self._login.password) if self._login else None
        query = {k: told[k] for k in ("service", "scope") if told.get(k)}
        answer = self._own.get(told.get("realm", ""), params=query, auth=who, timeout=_TIMEOUT_S)
        if not answer.ok:
            raise ToolError(f"the login is not accepted ({answer.status_code} {answer.reason})", where=self._host,
                            todo="see package.credentials, or docker login")  # fmt: skip
        given = answer.json()
        return str(given.get("token") or given.get("access_token") or "")


class _NoNetrc(requests.auth.AuthBase):
    """Keeps requests from sending what ~/.netrc has for the host."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _is_loopback(host: str) -> bool:
    name = host.rsplit(":", 1)[0].strip("[]")
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
