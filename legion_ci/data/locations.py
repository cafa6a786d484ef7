"""Where files are: paths and patterns of the model repository, or any address that fsspec knows, copied before they are read."""

from __future__ import annotations

import difflib
import glob
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from legion_ci.core.digests import DigestCache
from legion_ci.core.errors import ConfigurationError, PluginError, ServiceError, missing_package
from legion_ci.core.files import digest_file, digest_pairs
from legion_ci.core.secrets import Secrets
from legion_ci.data import credentials
from legion_ci.data.credentials import Reference

_WEB = ("http", "https")


def remote(path: str) -> bool:
    """Whether it is an address (``s3://…``) and not a path."""
    return "://" in path or "::" in path


def local(pattern: str, folder: Path, where: str) -> list[Path]:
    """The files that a path or pattern names, sorted; raises ConfigurationError when there are none."""
    found = sorted(Path(p) for p in glob.glob(str(folder / pattern), recursive=True) if Path(p).is_file())  # noqa: PTH207 - absolute patterns
    if not found:
        raise ConfigurationError(f"no file matches {pattern!r}", where=where, todo=_near(pattern, folder))
    return found


def digest_of(files: list[Path], folder: Path) -> list[tuple[str, str]]:
    """(path within the folder, sha256) of each file."""
    cache = DigestCache(folder)
    return [(p.relative_to(folder).as_posix() if p.is_relative_to(folder) else p.name, cache.file(p)) for p in files]


def _near(pattern: str, folder: Path) -> str:
    parent = (folder / pattern).parent
    if not parent.is_dir():
        return f"there is no folder {parent.name!r}; prepare the data first"
    names = sorted(p.name for p in parent.iterdir() if p.is_file())
    near = difflib.get_close_matches(Path(pattern).name, names, n=1, cutoff=0.4)
    return f"did you mean {near[0]}?" if near else "the folder holds " + (", ".join(names[:5]) or "no files")


def file_system(path: str, options: dict[str, Any], secret: dict[str, Reference], secrets: Secrets, where: str) -> tuple[Any, str]:  # fmt: skip
    """fsspec's file system of an address, and the path in it; secrets of http(s) are headers, of others its options.

    Raises PluginError with what to install, ConfigurationError for an unknown kind of address or wrong options.
    """
    try:
        import fsspec
    except ImportError as error:
        raise missing_package(error, where) from error
    known = credentials.values(secret, secrets, f"{where}.credentials")
    given = {**options, "headers": known} if urlsplit(path).scheme in _WEB and known else {**options, **known}
    try:
        found: tuple[Any, str] = fsspec.url_to_fs(path, **given)
    except ImportError as error:
        raise PluginError(credentials.said(error, secrets), where=f"{where}.path") from None
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"is no address that can be read ({credentials.said(error, secrets)})", where=f"{where}.path", todo="see path, options and credentials"
        ) from None  # fmt: skip
    return found


def fetch(path: str, options: dict[str, Any], secret: dict[str, Reference], target: Path, where: str) -> str:
    """Copy the files that an address names (a pattern, too) into ``target``, in order; returns the digest of their bytes.

    Raises ConfigurationError when there are none, ServiceError when the store cannot be reached or refuses.
    """
    secrets = Secrets()
    system, inside = file_system(path, options, secret, secrets, where)
    try:
        names = _names(system, inside, path)
        for index, name in enumerate(names):
            system.get_file(name, str(target / f"{index:05d}-{_file_name(name)}"))
    except FileNotFoundError:
        names = []
    except (OSError, ValueError, RuntimeError) as error:
        raise _refused(error, secrets, where) from None
    except Exception as error:  # stores have errors of their own kinds
        if type(error).__module__.partition(".")[0] not in ("aiohttp", "botocore", "google", "azure", "gcsfs", "s3fs"):
            raise
        raise _refused(error, secrets, where) from None
    if not names:
        raise ConfigurationError(
            f"no file matches {path!r}", where=f"{where}.path", todo="check address and credentials"
        )
    return digest_pairs((p.name, digest_file(p)) for p in sorted(target.iterdir()))


def _names(system: Any, inside: str, path: str) -> list[str]:
    from fsspec.core import has_magic

    if urlsplit(path).scheme in _WEB or not has_magic(inside):
        return [inside]
    return sorted(system.glob(inside))


def _refused(error: Exception, secrets: Secrets, where: str) -> ServiceError:
    return ServiceError(
        f"cannot be read ({type(error).__name__}: {credentials.said(error, secrets)})", where=f"{where}.path",
        todo="check the address, the credentials and that the store runs",
    )  # fmt: skip


def _file_name(name: str) -> str:
    """The last part of an address, without a query."""
    return unquote(urlsplit(name).path if "://" in name else name).rstrip("/").rpartition("/")[2] or "data"
