"""Progress for people: one line a step on standard error, with elapsed time and what is being waited for."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO


@dataclass
class Progress:
    """Prints ``[  1.2s] text`` lines; on a terminal a waiting line is renewed in place."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    quiet: bool = False
    started: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Print one line, after the seconds since the start."""
        if not self.quiet:
            print(f"[{time.monotonic() - self.started:6.1f}s] {text}", file=self.stream, flush=True)

    @contextmanager
    def waiting(self, what: str, every_s: float = 5.0) -> Iterator[None]:
        """Tell every few seconds what is being waited for, as long as the block runs."""
        done = threading.Event()
        begun = time.monotonic()

        def tell() -> None:
            while not done.wait(every_s):
                self.say(f"… waiting for {what} ({time.monotonic() - begun:.0f} s)")

        thread = threading.Thread(target=tell, daemon=True, name="progress")
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
