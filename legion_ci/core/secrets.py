"""Secrets: read by reference (an environment variable or a file), and kept out of everything that is printed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from legion_ci.core.errors import ConfigurationError

_NAME = re.compile(r"(TOKEN|PASSWORD|PASSWD|SECRET|CREDENTIAL|API_?KEY|ACCESS_KEY|PRIVATE_KEY)", re.IGNORECASE)
_URL = re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")
_MINIMUM = 6  # shorter values would redact ordinary words


@dataclass
class Secrets:
    """Knows the values that must not be shown: environment variables with telling names, and what was resolved."""

    known: set[str] = field(
        default_factory=lambda: {
            value for name, value in os.environ.items() if _NAME.search(name) and len(value) >= _MINIMUM
        }
    )

    def resolve(self, reference: str, where: str = "") -> str:
        """Value behind ``env:NAME`` or ``file:PATH``."""
        scheme, _, rest = reference.partition(":")
        if scheme == "env" and rest in os.environ:
            value = os.environ[rest]
        elif scheme == "file" and Path(rest).is_file():
            value = Path(rest).read_text().strip()
        else:
            raise ConfigurationError(
                f"the secret {reference} cannot be read",
                where=where,
                todo="give env:NAME of a set variable or file:PATH of a readable file",
            )
        self.known.add(value)
        return value

    def redact(self, text: str) -> str:
        """``text`` with every known secret and every ``user:password@`` of a URL replaced by ``****``."""
        for value in sorted(self.known, key=len, reverse=True):
            if len(value) >= _MINIMUM:
                text = text.replace(value, "****")
        return _URL.sub("****", text)
