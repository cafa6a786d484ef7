"""A PostgreSQL of the test's own: a cluster in a temporary folder, on a free port, never run as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ports import free_port
from requirements_of_tests import need

PASSWORD = "of-this-test-only-8f3a"


@dataclass(frozen=True)
class Cluster:
    """A running server. url: without the password."""

    port: int

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://tester@127.0.0.1:{self.port}/postgres"

    def run(self, *statements: str) -> None:
        """Execute and commit."""
        import psycopg

        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=tester password={PASSWORD} dbname=postgres") as db:
            for statement in statements:
                db.execute(statement)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a server, and stop it after the block."""
    folder = Path(tempfile.mkdtemp(prefix="legion-pg-"))
    (folder / "password").write_text(PASSWORD)
    if os.geteuid() == 0:
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")
    data, port = folder / "data", free_port()
    _run("initdb", "-D", data, "-U", "tester", "--pwfile", folder / "password", "-A", "scram-sha-256", "--no-sync", cwd=folder)  # fmt: skip
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
    _run("pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "-t", "120", "start", cwd=folder)
    try:
        yield Cluster(port)
    finally:
        _run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop", cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)


def _run(name: str, *words: str | Path, cwd: Path) -> None:
    who = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    out = cwd.parent / f"{cwd.name}.{name}.out"  # a server keeps what it inherits open: a pipe would never end
    try:
        with out.open("w") as file:
            done = subprocess.run(
                [_program(name), *map(str, words)], cwd=cwd, env=environment, stdout=file, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, check=False, **who,
            )  # fmt: skip
        assert done.returncode == 0, out.read_text()
    finally:
        out.unlink(missing_ok=True)


def _program(name: str) -> str:
    """Debian keeps the server's programs beside no path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else need(name, "apt-get install postgresql")
