"""Packages without a wheel: installed by pip inside an image with compilers, by BuildKit, and taken out as files.

Only the packages are made that way; the image is still put together by us.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from legion_ci.core.errors import ConfigurationError, PluginError, ToolError
from legion_ci.core.tools import Tools
from legion_ci.oci import engine

_WHERE = "package.build_image"
_DOCKERFILE = """FROM {image} AS built
USER 0
COPY requirements.lock /requirements.lock
RUN python3 -c "import sys; found = '%d.%d' % sys.version_info[:2]; sys.exit(found != '{python}' and 'legion: it has Python ' + found)"
RUN --mount=type=cache,target=/var/cache/pip \\
    --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca,target=/run/legion-ca.pem \\
    python3 -m pip install --quiet --cache-dir /var/cache/pip --no-compile --no-deps --require-hashes --target /packages -r /requirements.lock
FROM scratch
COPY --from=built /packages /
"""
_NO_BUILDKIT = ("buildx component is missing", "BuildKit is not supported")
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")


def identity(image: str) -> str:
    """The id of the build image in the engine; it is pulled when it is not there. Raises ToolError or ServiceError."""
    from docker.errors import DockerException, ImageNotFound

    client = engine.connect()
    try:
        try:
            return str(client.images.get(image).id)
        except ImageNotFound:
            return str(client.images.pull(image).id)
    except DockerException as error:
        raise ToolError(
            f"the image {image} is not to be had ({error})", where=_WHERE, todo="name one that is"
        ) from error


def install(folder: Path, lock: Path, python: str, image: str, links: Sequence[str], tools: Tools) -> None:
    """Install exactly the lock into a folder, in a container of that image. python: ``3.11``, which the image must have.

    Raises ToolError with pip's last lines, ConfigurationError when local folders of wheels are asked for, PluginError when
    there is no docker program with BuildKit.
    """
    if links:
        raise ConfigurationError("a build in a container does not see distribution.find_links", where=_WHERE)
    with tempfile.TemporaryDirectory() as context, _secrets() as secrets:
        (Path(context) / "requirements.lock").write_bytes(lock.read_bytes())
        (Path(context) / "Dockerfile").write_text(_DOCKERFILE.format(image=image, python=python))
        said = _run(["build", "--quiet", *secrets, "--output", f"type=local,dest={folder}", context], tools)
    if said is not None:
        last = "\n".join(line for line in said.splitlines() if line.strip())[-1500:]
        todo = f"name an image with Python {python}, pip and the compilers that the packages need"
        raise ToolError(f"the packages could not be built in {image}:\n{last}", where=_WHERE, todo=todo)


def _run(words: Sequence[str], tools: Tools) -> str | None:
    """Build by the first docker program on PATH that has BuildKit; its output when it failed."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    programs = [str(p) for folder in folders if (p := Path(folder) / "docker").is_file()]
    if not programs:
        raise PluginError("there is no docker program", where=_WHERE, todo="install docker.io or docker-ce-cli")
    for program in programs:
        done = tools.shell.run([program, *words], env={"DOCKER_BUILDKIT": "1"}, check=False)
        if not done.returncode:
            return None
        if not any(sign in done.stdout for sign in _NO_BUILDKIT):
            return done.stdout
    raise PluginError(f"{', '.join(programs)}: none has BuildKit", where=_WHERE, todo="install docker-buildx")


@contextmanager
def _secrets() -> Iterator[list[str]]:
    """Options that give the build the index and the certificates of this machine, and leave neither in the image."""
    with tempfile.TemporaryDirectory() as folder:
        lines = ["[global]"]
        names = {
            "index-url": "PIP_INDEX_URL",
            "extra-index-url": "PIP_EXTRA_INDEX_URL",
            "trusted-host": "PIP_TRUSTED_HOST",
        }
        lines += [f"{option} = {os.environ[name]}" for option, name in names.items() if os.environ.get(name)]
        found = (os.environ.get("PIP_CERT"), os.environ.get("SSL_CERT_FILE"), *_BUNDLES)
        bundle = next((path for path in found if path and Path(path).is_file()), "")
        if bundle:
            lines.append("cert = /run/legion-ca.pem")
        config = Path(folder) / "pip.conf"
        config.write_text("\n".join(lines) + "\n")
        config.chmod(0o600)
        yield ["--secret", f"id=pip,src={config}", *(["--secret", f"id=ca,src={bundle}"] if bundle else [])]
