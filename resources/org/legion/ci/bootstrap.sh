#!/bin/sh
# Finds or makes the Python environment that holds legion-ci, and prints its bin folder as the last line.
#
# sh bootstrap.sh VERSION
#   LEGION_DISTRIBUTION  where the package comes from: index (default), find-links:FOLDER, path:FOLDER_OR_WHEEL
#   LEGION_EXTRAS        which extras (default: all)
#   LEGION_PYTHON        the interpreter (default: the first of python3.13 ... python3 that is 3.11 or newer)
#   LEGION_CACHE         where environments are kept (default: ~/.cache/legion)
set -eu

version=${1:?usage: bootstrap.sh VERSION}
extras=${LEGION_EXTRAS-all}
from=${LEGION_DISTRIBUTION:-index}

say() { echo "legion-ci: $*" >&2; }

find_python() {
    for candidate in ${LEGION_PYTHON:-python3.13 python3.12 python3.11 python3}; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    say "Python 3.11 or newer is needed on this agent (looked for ${LEGION_PYTHON:-python3.13 ... python3}); install it or set LEGION_PYTHON"
    exit 4
}

# What pip is told, and a text that changes when what it would install changes.
source_of() {
    wanted="legion-ci${extras:+[$extras]}==$version"
    case $from in
        index) set -- "$wanted"; mark=$wanted ;;
        find-links:*) set -- --find-links "${from#find-links:}" "$wanted"; mark="$wanted $(listing "${from#find-links:}")" ;;
        path:*)
            path=${from#path:}
            if [ -d "$path" ] && ls "$path"/legion_ci-*.whl >/dev/null 2>&1; then path=$(ls "$path"/legion_ci-*.whl | sort | tail -n 1); fi
            [ -e "$path" ] || { say "LEGION_DISTRIBUTION: there is no ${from#path:}"; exit 2; }
            set -- "$path${extras:+[$extras]}"; mark="$path $extras $(listing "$path")" ;;
        *) say "LEGION_DISTRIBUTION is index, find-links:FOLDER or path:FOLDER_OR_WHEEL (found $from)"; exit 2 ;;
    esac
    arguments=$(for word in "$@"; do printf '%s\n' "$word"; done)
}

listing() { if [ -d "$1" ]; then ls -l "$1"; else cksum <"$1"; fi; }

python=$(find_python)
source_of
digest=$(printf '%s\n' "$mark" "$($python -VV)" "$python" | cksum | tr -d ' ')
home=${LEGION_CACHE:-$HOME/.cache/legion}/agents/$digest
[ -f "$home/complete" ] && { echo "$home/bin"; exit 0; }

# One at a time: mkdir is atomic; a lock whose holder is gone is taken over.
mkdir -p "$(dirname "$home")"
until mkdir "$home.lock" 2>/dev/null; do
    holder=$(cat "$home.lock/pid" 2>/dev/null || echo '')
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then say "taking over from a set-up that died"; rm -rf "$home.lock"; continue; fi
    sleep 1
done
echo $$ >"$home.lock/pid"
trap 'rm -rf "$home.lock"' EXIT
trap 'exit 143' TERM INT

if ! [ -f "$home/complete" ]; then
    say "installing into $home (once for this version)"
    rm -rf "$home"
    "$python" -m venv "$home" || { say "this Python cannot make environments; on Debian: apt-get install python3-venv"; exit 4; }
    printf '%s\n' "$arguments" | {
        set --
        while IFS= read -r word; do set -- "$@" "$word"; done
        "$home/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    } || { say "legion-ci $version could not be installed from '$from'; pip's message is above"; exit 5; }
    : >"$home/complete"
fi
echo "$home/bin"
