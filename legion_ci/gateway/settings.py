"""What rendering needs besides the routes: where the gateway listens and which header names the sticky unit."""

from __future__ import annotations

from typing import Any

import msgspec

from legion_ci.core.errors import ToolError
from legion_ci.core.files import write_atomic
from legion_ci.core.site import Site
from legion_ci.gateway.auth import Auth
from legion_ci.gateway.tls import Tls

FILE = "settings.json"
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Kept in the site, written by deploy. chosen: the port was picked by us, so it may be picked again.

    rate: requests a second that users may send in all; None: no limit. use, own: the site's deployer, which runs the gateway,
    and the settings that only it has. log: where people find Envoy's output.
    """

    port: int
    listen: str = "127.0.0.1"
    unit_header: str = "x-legion-unit"
    chosen: bool = True
    auth: Auth | None = None
    tls: Tls | None = None
    rate: int | None = None
    use: str = "local"
    own: dict[str, Any] = {}
    log: str = ""

    @property
    def secure(self) -> Tls | None:
        """The listener with TLS as it is where the gateway runs: in a container on all addresses, as the plain one."""
        everywhere = self.listen in _EVERYWHERE and self.tls is not None
        return msgspec.structs.replace(self.tls, listen=self.listen) if everywhere and self.tls else self.tls

    @property
    def url(self) -> str:
        """Where people reach the traffic split."""
        host = "127.0.0.1" if self.listen in _EVERYWHERE else self.listen
        return f"http://{host}:{self.port}"


def read(site: Site) -> GatewaySettings | None:
    """The site's gateway settings; None before the first deployment."""
    path = site.gateway / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=GatewaySettings)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ToolError(
            f"is not a gateway settings file ({error})", where=str(path), todo="remove it and deploy again"
        ) from error


def write(site: Site, settings: GatewaySettings) -> None:
    """Keep the settings; the folder is the user's own, because the admin socket lives in it."""
    site.gateway.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(site.gateway / FILE, msgspec.json.format(msgspec.json.encode(settings), indent=2))
