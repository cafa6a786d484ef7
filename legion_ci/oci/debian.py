"""A small base image from Debian's packages: libc, OpenSSL and Python, without shell, package manager or documentation.

It is our own build from Debian's packages, not an image of the Debian or Python projects. apt fetches the packages and
checks their signatures; the image is a function of their bytes.
"""

from __future__ import annotations

import lzma
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath

import msgspec

from legion_ci.core.errors import ConfigurationError, PluginError, ToolError
from legion_ci.core.files import digest_file, write_atomic
from legion_ci.core.lock import locked
from legion_ci.core.tools import Tools
from legion_ci.oci import bytecode, image
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.document import Descriptor, Platform
from legion_ci.oci.image import Built, Run
from legion_ci.oci.layer import Entry, build

PACKAGES = (
    "base-files", "base-passwd", "netbase", "media-types", "tzdata", "ca-certificates", "libc6", "libgcc-s1",
    "libstdc++6", "libgomp1", "zlib1g", "libssl3", "libffi8", "libbz2-1.0", "liblzma5", "libsqlite3-0", "libexpat1",
    "libuuid1", "libcrypt1", "libreadline8", "libncursesw6", "libtinfo6", "libnsl2", "libtirpc3", "libgssapi-krb5-2","libkrb5-3", "libk5crypto3", "libkrb5support0", "libcom-err2", "libkeyutils1", "libdb5.3",
    "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "python3-minimal",
)  # fmt: skip
PYTHON = "/usr/bin/python3"
USER = 65532
RELEASE = "12"
PACKAGES_NOTE = "org.legion-ci.packages"
_NOTE = "debian.json"
_LIBRARY = "usr/lib/python3.11/"
_LEFT_OUT = re.compile(
    r"usr/share/(doc|man|locale|lintian|bug|info|python3|applications|pixmaps)/|usr/lib/python3\S*/(test|idlelib|turtledemo|lib2to3)/"
)
_MERGED = ("bin", "sbin", "lib", "lib64")


def ensure(blobs: Blobs, tools: Tools, *, refresh: bool = False) -> Built:
    """The base image of this machine's architecture in the store, made when it is not there.

    refresh: make it of the newest packages. Raises PluginError where there is no apt, ToolError with apt's last lines when
    a package is not to be had.
    """
    with locked(blobs.folder / "debian.lock", what="the base image"):
        built = None if refresh else _kept(blobs)
        if built is None:
            built = _made(blobs, tools)
            write_atomic(blobs.folder / _NOTE, msgspec.json.encode(built.descriptor))
        return built


def _kept(blobs: Blobs) -> Built | None:
    """The one that was made before, when it is there whole."""
    try:
        descriptor = msgspec.json.decode((blobs.folder / _NOTE).read_bytes(), type=Descriptor)
        built = image.read(blobs, descriptor)
    except (OSError, msgspec.DecodeError, ToolError):
        return None
    return built if all(blobs.has(layer.digest, layer.size) for layer in built.manifest.layers) else None


def _made(blobs: Blobs, tools: Tools) -> Built:
    files = _fetched(tools, blobs.folder / "debian")
    key = "\n".join(digest_file(file) for file in files)
    tools.progress.say(f"making the base image from {len(files)} Debian packages")
    control = {file: _control(file) for file in files}
    version = next(c["Version"] for c in control.values() if c["Package"] == "python3.11-minimal")
    notes = {PACKAGES_NOTE: " ".join(sorted(f"{c['Package']}={c['Version']}" for c in control.values()))}
    layer = build(blobs, _entries(files, control), key=f"debian {key} {sys.version_info[:2]}")
    return image.assemble(
        blobs, None, _platform(control), [("Debian packages", layer)], _run(version.split("-")[0]), notes
    )


def _run(version: str) -> Run:
    labels = {
        "org.opencontainers.image.title": "legion-base",
        "org.opencontainers.image.description": f"Python {version} from Debian {RELEASE}'s packages; no shell",
        "org.legion-ci.python": version,
        "org.legion-ci.layers": "1",
    }
    return Run(
        entrypoint=[PYTHON], environment={"LANG": "C.UTF-8", "PATH": "/usr/bin"}, user=f"{USER}:{USER}", labels=labels
    )


def _platform(control: dict[Path, dict[str, str]]) -> Platform:
    architecture = next(a for c in control.values() if (a := c["Architecture"]) != "all")
    return Platform(os="linux", architecture=architecture)


def _fetched(tools: Tools, folder: Path) -> list[Path]:
    """The .deb files in the order of the list, fetched where a newer version is to be had; those of before when offline."""
    if shutil.which("apt-get") is None:
        raise PluginError(
            "the base image is made with apt-get, which is not there", where="package.base",
            todo="name a base image: package.base: registry/name@sha256:…, or make one on Debian 12: legion-ci base --push",
        )  # fmt: skip
    _require_release()
    folder.mkdir(parents=True, exist_ok=True)
    done = tools.shell.run(
        ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *PACKAGES], cwd=folder, check=False
    )
    found = {p: _newest(folder, p) for p in PACKAGES}
    if missing := [p for p, file in found.items() if file is None]:
        last = "\n".join(done.stdout.strip().splitlines()[-5:])
        raise ToolError(f"Debian's packages {', '.join(missing)} are not to be had:\n{last}", where="package.base",
                        todo="run apt-get update, or name a base image in a registry")  # fmt: skip
    return [file for file in found.values() if file is not None]


def _require_release() -> None:
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        text = ""
    if not re.search(rf'^ID=debian$.*^VERSION_ID="{RELEASE}"$', "\n".join(sorted(text.splitlines())), re.M | re.S):
        raise ConfigurationError(
            f"the base image is made from Debian {RELEASE}'s packages, and this is another system", where="package.base",
            todo="name a base image: package.base: registry/name@sha256:…",
        )  # fmt: skip


def _newest(folder: Path, package: str) -> Path | None:
    files = sorted(folder.glob(f"{package}_*.deb"), key=lambda p: p.stat().st_mtime)
    return files[-1] if files else None


def _entries(files: list[Path], control: dict[Path, dict[str, str]]) -> Iterator[Entry]:
    made: dict[str, Entry] = {e.path: e for e in _own()}
    for file in files:
        for entry in _of_package(file):
            made.setdefault(entry.path, entry)
        package = control[file]["Package"]
        made[f"var/lib/dpkg/status.d/{package}"] = Entry(f"var/lib/dpkg/status.d/{package}", _control_bytes(file))
    yield from _accounts(made)
    yield _certificates(made)
    yield from _bytecode(made)
    yield from made.values()


def _own() -> Iterator[Entry]:
    yield from (Entry(name, link=f"usr/{name}", mode=0o777) for name in _MERGED)
    yield Entry("tmp", mode=0o1777)
    yield Entry("usr/bin/python", link="python3", mode=0o777)
    yield Entry("usr/bin/python3", link="python3.11", mode=0o777)


def _of_package(file: Path) -> Iterator[Entry]:
    with tarfile.open(fileobj=BytesIO(_part(file, "data.tar")), mode="r:*") as tar:
        for member in tar:
            path = _place(member.name)
            if not path or path in _MERGED or _LEFT_OUT.match(f"{path}/"):
                continue
            if member.issym():
                yield Entry(path, link=member.linkname, mode=0o777)
            elif member.isdir():
                yield Entry(path, mode=member.mode)
            elif (content := tar.extractfile(member)) is not None:  # a hard link gives its file's content
                yield Entry(path, content.read(), mode=member.mode & 0o755)


def _place(name: str) -> str:
    """Path in a merged /usr."""
    path = PurePosixPath(name).as_posix().lstrip("./")
    first = path.split("/", 1)[0]
    return f"usr/{path}" if first in _MERGED and "/" in path else path


def _accounts(made: dict[str, Entry]) -> Iterator[Entry]:
    """/etc/passwd and /etc/group with the user that servers run as."""
    for name, line in (
        ("passwd", f"legion:x:{USER}:{USER}:legion:/:/usr/sbin/nologin\n"),
        ("group", f"legion:x:{USER}:\n"),
    ):
        master = made[f"usr/share/base-passwd/{name}.master"].source
        yield Entry(f"etc/{name}", bytes(master or b"") + line.encode())


def _certificates(made: dict[str, Entry]) -> Entry:
    folder = "usr/share/ca-certificates/mozilla/"
    bundle = b"".join(bytes(e.source or b"") for p, e in sorted(made.items()) if p.startswith(folder))
    return Entry("etc/ssl/certs/ca-certificates.crt", bundle)


def _bytecode(made: dict[str, Entry]) -> Iterator[Entry]:
    """The standard library's compiled form, when this Python writes the same bytecode."""
    library = [e for p, e in sorted(made.items()) if p.startswith(_LIBRARY) and p.endswith(".py") and e.source]
    if sys.version_info[:2] != (3, 11):
        return
    with tempfile.TemporaryDirectory() as scratch:
        modules = []
        for entry in library:
            source = Path(scratch, entry.path)
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_bytes(bytes(entry.source or b""))
            modules.append((source, f"/{entry.path}", bytecode.cached(source)))
        bytecode.write(modules)
        for _, _, target in modules:
            if target.is_file():
                yield Entry(target.relative_to(scratch).as_posix(), target.read_bytes())


def _control(file: Path) -> dict[str, str]:
    lines = _control_bytes(file).decode().splitlines()
    return dict(line.split(": ", 1) for line in lines if line[:1].strip() and ": " in line)


def _control_bytes(file: Path) -> bytes:
    with tarfile.open(fileobj=BytesIO(_part(file, "control.tar")), mode="r:*") as tar:
        content = tar.extractfile("./control")
        return content.read() if content else b""


def _part(file: Path, name: str) -> bytes:
    """A member of a .deb, which is an ar archive: 60-byte headers, even offsets (deb(5))."""
    data = file.read_bytes()
    at = 8
    while at + 60 <= len(data):
        member, size = data[at : at + 16].decode().strip().rstrip("/"), int(data[at + 48 : at + 58])
        if member.startswith(name):
            return _plain(member, data[at + 60 : at + 60 + size])
        at += 60 + size + size % 2
    raise ToolError(f"is not a Debian package (no {name})", where=str(file), todo="remove the file and try again")


def _plain(member: str, packed: bytes) -> bytes:
    if member.endswith(".zst"):
        return subprocess.run(["zstd", "-dc"], input=packed, capture_output=True, check=True).stdout
    return lzma.decompress(packed) if member.endswith(".xz") else packed
