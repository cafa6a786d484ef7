"""Run as a program, isolated (``python -I -S``): compiles modules so that the bytes depend on nothing but source and Python.

Marshalled code depends on what else the process has loaded; a process of its own that has loaded nothing is the same
everywhere. Standard input: one JSON array of [source file, path in the image, target file].
"""

import importlib.util
import json
import marshal
import os
import sys
import warnings

_UNCHECKED_HASH = 0b01  # PEP 552: neither time nor hash is checked when it is loaded


def main() -> None:
    """Compile what standard input names; a module that does not compile is left out."""
    warnings.simplefilter("ignore")
    head = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH.to_bytes(4, "little")
    for source, name, target in json.load(sys.stdin):
        with open(source, "rb") as file:
            text = file.read()
        try:
            code = compile(text, name, "exec", dont_inherit=True, optimize=0)
        except (SyntaxError, ValueError):  # templates, and tests of other versions
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target + ".part", "wb") as out:
            out.write(head + importlib.util.source_hash(text) + marshal.dumps(code))
        os.replace(target + ".part", target)


main()
