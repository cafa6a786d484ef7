"""Progress for people: one line a step on standard error, with elapsed time and what is being waited for."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO


@dataclass
class Progress:
    """Prints ``[  1.2s] text`` lines; on a terminal a waiting line is renewed in place."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    quiet: bool = False
    started: float = field(default_factory=time.monotonic)
    _lived: float = field(default_factory=time.monotonic)
    _open: bool = False

    def say(self, text: str) -> None:
        """Print one line, after the seconds since the start."""
        if not self.quiet:
            self.live_end()
            print(f"[{time.monotonic() - self.started:6.1f}s] {text}", file=self.stream, flush=True)

    def live(self, text: Callable[[], str], every_s: float = 5.0) -> None:
        """One line that is renewed in place on a terminal, else a line every ``every_s``; call it as often as you like."""
        now, pause = time.monotonic(), 0.5 if self.stream.isatty() else every_s
        if self.quiet or now - self._lived < pause:
            return
        self._lived = now
        if self.stream.isatty():
            print(f"\r[{now - self.started:6.1f}s] {text()}\x1b[K", end="", file=self.stream, flush=True)
            self._open = True
        else:
            self.say(text())

    def live_end(self) -> None:
        """What comes next begins on a line of its own."""
        if self._open:
            print(file=self.stream, flush=True)
            self._open = False

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
