"""Serves a folder as Jenkins does, and looks at its pages with headless Chromium: pictures, violations, what was fetched."""

from __future__ import annotations

import functools
import http.server
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

POLICY = "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self';"  # Jenkins' default, exactly
_WATCHED = "default-src 'none'; img-src 'self'; style-src 'self'; report-uri /.violations"  # the same, told to us
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr",
)  # fmt: skip
DARK = "--blink-settings=preferredColorScheme=0"
_REFUSED = re.compile(rb"CONSOLE.*(?:Content Security Policy|Refused to|violates the following).*")


@dataclass
class Site:
    """A folder that is being served. fetched: (path, status) of each request; violations: reports of the browser."""

    url: str
    fetched: list[tuple[str, int]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)


class _Jenkins(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args, site: Site, **options) -> None:
        self.site = site
        super().__init__(*args, **options)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Content-Security-Policy-Report-Only", _WATCHED)
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def do_POST(self) -> None:
        self.site.violations.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_request(self, code="-", size="-") -> None:
        self.site.fetched.append((self.path, int(code)))

    def log_message(self, *args) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[Site]:
    """Serve a folder on a free port of this machine."""
    site = Site("")
    handler = functools.partial(_Jenkins, site=site, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def print_to(chromium: str, url: str, paper: Path, profile: Path) -> None:
    """Print a page as PDF, without the browser's own head and foot."""
    command = [
        chromium,
        *_FLAGS,
        f"--user-data-dir={profile}",
        "--no-pdf-header-footer",
        f"--print-to-pdf={paper}",
        url,
    ]
    environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
    done = subprocess.run(command, capture_output=True, timeout=120, env=environment, check=False)
    assert paper.is_file(), done.stderr.decode(errors="replace")[-2000:]


def look(chromium: str, url: str, picture: Path, profile: Path, *flags: str, size: str = "1280,1600") -> list[str]:
    """Take a picture of a page; returns what the browser's console says was refused."""
    command = [
        chromium,
        *_FLAGS,
        *flags,
        f"--user-data-dir={profile}",
        f"--window-size={size}",
        f"--screenshot={picture}",
        url,
    ]
    environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
    done = subprocess.run(command, capture_output=True, timeout=120, env=environment, check=False)
    assert picture.is_file(), done.stderr.decode(errors="replace")[-2000:]
    return [line.decode(errors="replace") for line in _REFUSED.findall(done.stderr)]
