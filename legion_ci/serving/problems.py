"""What is wrong with a request: every problem with the path to it, in one answer."""

from __future__ import annotations

import msgspec

MOST_SHOWN = 100


class Problem(msgspec.Struct, frozen=True):
    """path: where in the request, such as ``data[3][2]``; ``body`` is all of it."""

    path: str
    problem: str


class Refused(Exception):
    """The request cannot be answered; status is the HTTP status, 4xx."""

    def __init__(
        self, status: int, message: str, problems: list[Problem], headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.problems, self.headers = status, message, problems, headers


class Problems:
    """Collects problems; keeps the first ``MOST_SHOWN`` and counts the rest."""

    def __init__(self) -> None:
        self.shown: list[Problem] = []
        self.count = 0

    def add(self, path: str, problem: str) -> None:
        """One more."""
        self.count += 1
        if self.count <= MOST_SHOWN:
            self.shown.append(Problem(path, problem))

    def refuse_if_any(self, status: int = 400) -> None:
        """Raise Refused with all of them, if there are any."""
        if not self.count:
            return
        more = f", the first {MOST_SHOWN} are listed" if self.count > MOST_SHOWN else ""
        plural = "problem" if self.count == 1 else "problems"
        raise Refused(status, f"the request has {self.count} {plural}{more}", self.shown)


def refused(status: int, path: str, problem: str, **headers: str) -> Refused:
    """A request with one problem; keyword arguments become headers of the answer."""
    told = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Refused(status, "the request has 1 problem", [Problem(path, problem)], told)
