"""What a stage is handed besides its settings and inputs: shell, clock, secrets, progress."""

from __future__ import annotations

from dataclasses import dataclass, field

from legion_ci.core.clock import Clock
from legion_ci.core.progress import Progress
from legion_ci.core.secrets import Secrets
from legion_ci.core.shell import Shell


@dataclass(frozen=True)
class Tools:
    """The edges, made once by the pipeline and replaced one by one in tests."""

    secrets: Secrets = field(default_factory=Secrets)
    clock: Clock = field(default_factory=Clock)
    progress: Progress = field(default_factory=Progress)
    shell: Shell = field(default_factory=Shell)
