#!/bin/sh
# Finds or makes the Python environment that holds legion-ci; prints its bin folder as the last line.
#
# sh bootstrap.sh VERSION
#   LEGION_DISTRIBUTION  where legion-ci comes from: index (default; pip's own settings, like PIP_INDEX_URL, count),
#                        find-links:FOLDER, path:FOLDER_OR_WHEEL, environment:FOLDER (ready, like one in an agent's image)
#   LEGION_CACHE         where environments are kept (default: ~/.cache/legion)
#   LEGION_PYTHON        the interpreter (default: the first of python3.14 ... python3.11, python3 that is 3.11 or newer)
# Ends with 0, or like legion-ci with 2 (a setting is wrong), 4 (no Python, or another version), 5 (pip failed).
set -eu

version=${1:?usage: bootstrap.sh VERSION}
from=${LEGION_DISTRIBUTION:-index}
cache=${LEGION_CACHE:-${HOME:?is not set, and neither is LEGION_CACHE}/.cache/legion}

say() { echo "legion-ci: $*" >&2; }
stop() { code=$1; shift; say "$*"; exit "$code"; }

find_python() {
    if [ -n "${LEGION_PYTHON:-}" ]; then set -- "$LEGION_PYTHON"; else set -- python3.14 python3.13 python3.12 python3.11 python3; fi
    for candidate in "$@"; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    stop 4 "Python 3.11 or newer is needed on this agent (looked for $*); install it, or set LEGION_PYTHON"
}

# Sets requirement (what pip is told), links (a folder of wheels, or nothing) and content (what else the digest is of).
read_distribution() {
    requirement="legion-ci[all]==$version" links='' content=''
    case $from in
        index) ;;
        find-links:*)
            links=${from#find-links:} content=$links
            [ -d "$links" ] || stop 2 "LEGION_DISTRIBUTION: there is no folder $links" ;;
        path:*)
            content=$(find_wheel "${from#path:}")
            requirement="$content[all]" ;;
        *) stop 2 "LEGION_DISTRIBUTION is index, find-links:FOLDER, path:FOLDER_OR_WHEEL or environment:FOLDER (found $from)" ;;
    esac
}

# The wheel of a folder of wheels; a wheel, or a folder of sources, as it is.
find_wheel() {
    [ -e "$1" ] || stop 2 "LEGION_DISTRIBUTION: there is no $1"
    for wheel in "$1/legion_ci-$version-"*.whl "$1"; do
        if [ -e "$wheel" ]; then break; fi
    done
    [ -f "$wheel" ] || [ -f "$wheel/pyproject.toml" ] || stop 2 "LEGION_DISTRIBUTION: $1 holds neither legion-ci $version nor its sources"
    echo "$(cd "$(dirname "$wheel")" && pwd)/$(basename "$wheel")"
}

# Of the kind of source, the requirement, the interpreter, and the bytes of legion-ci where they are at hand (other wheels: their names).
digest() {
    "$python" - "${from%%:*}" "$requirement" "$content" <<'PYTHON'
import hashlib, pathlib, sys

content = sys.argv[-1]
digest = hashlib.sha256("\0".join([*sys.argv[1:-1], sys.version, sys.executable]).encode())
root = pathlib.Path(content)
if content and root.is_file():
    files = [root]
elif content and (root / "pyproject.toml").is_file():
    files = [root / "pyproject.toml", *sorted(root.glob("legion_ci/**/*")), *sorted(root.glob("templates/**/*"))]
else:
    files = sorted(root.glob("*.whl")) if content else []
for file in files:
    if file.is_file() and file.suffix != ".pyc":
        ours = file.suffix != ".whl" or file.name.startswith("legion_ci-")
        digest.update(f"\0{file.relative_to(root)}\0".encode() + (hashlib.sha256(file.read_bytes()).digest() if ours else b""))
print(digest.hexdigest()[:20])
PYTHON
}

usable() { [ -f "$home/complete" ] && [ -x "$home/bin/legion-ci" ] && "$home/bin/python" -c '' 2>/dev/null; }

# One build at a time. The kernel gives the lock back when we end, however we end, also in a container.
lock() {
    exec 9>"$home.lock"
    "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)' 2>/dev/null && return
    say "another build is setting up the same environment; waiting for it"
    "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
}

make() {
    say "setting up legion-ci $version in $home, once for this version; a first time takes minutes"
    rm -rf "$home"
    "$python" -m venv "$home" >&2 || stop 4 "$python cannot make environments (on Debian: apt-get install python3-venv)"
    "$home/bin/python" -m pip install --quiet --disable-pip-version-check ${links:+--find-links "$links"} "$requirement" >&2 ||
        stop 5 "legion-ci $version could not be installed from $from; what pip says is above"
    found=$("$home/bin/python" -c 'from importlib.metadata import version; print(version("legion-ci"))')
    [ "$found" = "$version" ] || stop 4 "$from holds legion-ci $found, and this shared library needs $version"
    : >"$home/complete"
}

# An environment that somebody else made is taken as it is, in the right version.
take() {
    found=$("$1/bin/python" -c 'from importlib.metadata import version; print(version("legion-ci"))' 2>/dev/null) ||
        stop 2 "LEGION_DISTRIBUTION: $1 is no environment with legion-ci in it"
    [ "$found" = "$version" ] || stop 4 "$1 holds legion-ci $found, and this shared library needs $version"
    echo "$1/bin"
}

case $from in environment:*) take "${from#environment:}"; exit ;; esac
python=$(find_python)
read_distribution
home=$cache/agents/$(digest)
if ! usable; then
    mkdir -p "$cache/agents"
    lock
    if ! usable; then make; fi
fi
echo "$home/bin"
