"""``python -m legion_ci.supervise --site DIR``: become a supervisor that outlives whoever called."""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path

from legion_ci.supervise.supervisor import Supervisor


def main() -> None:
    """Detach and look after the site's processes; the caller's process returns at once."""
    parser = argparse.ArgumentParser(prog="legion_ci.supervise", description=__doc__)
    parser.add_argument("--site", type=Path, required=True, help="folder of the site")
    parser.add_argument("--foreground", action="store_true", help="do not detach")
    arguments = parser.parse_args()
    folder = arguments.site.resolve() / "processes"
    folder.mkdir(parents=True, exist_ok=True)
    if not arguments.foreground:
        detach()
    supervisor = Supervisor(folder)
    signal.signal(signal.SIGTERM, lambda *_: supervisor.stop())
    supervisor.run()


def detach() -> None:
    """Fork twice, into a session of our own without a terminal, without any descriptor but the standard three."""
    if os.fork():
        os._exit(0)
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    os.closerange(3, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 65536 else 65536)


if __name__ == "__main__":
    main()
