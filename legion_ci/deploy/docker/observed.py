"""What a container is doing, told as a server: phase, address, and why it ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from legion_ci.deploy.docker import names
from legion_ci.deploy.docker.engine import NotFound
from legion_ci.deploy.docker.plan import PORT
from legion_ci.deploy.protocol import Running
from legion_ci.supervise import probe

if TYPE_CHECKING:
    from docker.models.containers import Container as Found

_LINES = 15
_KILLED = 137  # 128 + SIGKILL, what the kernel sends when memory is used up


def running(found: Found, health: str = "") -> Running:
    """The server that a container runs. health: address that says whether it is ready; "": its own."""
    state, labels = found.attrs["State"], found.labels
    address = published(found)
    alive = bool(state["Running"]) and not state["Restarting"]
    ready = alive and probe.healthy(health or f"http://{address}/healthcheck")
    return Running(
        name=labels[names.NAME],
        endpoint=f"{labels.get(names.ADDRESS, '')}:{PORT}",
        address=address,
        phase=_phase(state, ready),
        ready=ready,
        alive=alive,
        pid=int(state["Pid"]) or None,
        restarts=int(found.attrs["RestartCount"]),
        last=() if ready else last(found),
    )


def published(found: Found) -> str:
    """Where this machine reaches it; port 0 while it does not run."""
    ports = found.attrs["NetworkSettings"]["Ports"] or {}
    bound = next((bindings[0] for bindings in ports.values() if bindings), {"HostIp": "127.0.0.1", "HostPort": "0"})
    return f"127.0.0.1:{bound['HostPort']}"


def died(found: Found) -> bool:
    """Whether the server ended since its container was made, be it that the engine has started it again."""
    state = found.attrs["State"]
    return state["Status"] not in ("created", "running", "paused") or bool(found.attrs["RestartCount"])


def last(found: Found) -> tuple[str, ...]:
    """Its last lines, and why it ended when it did."""
    try:
        text = found.logs(tail=_LINES).decode(errors="replace")
    except NotFound:
        return ()
    return (*(line for line in text.splitlines() if line.strip()), *_end(found))


def _end(found: Found) -> tuple[str, ...]:
    state = found.attrs["State"]
    if ran_out_of_memory(found):
        limit = found.attrs["HostConfig"]["Memory"]
        at = f"its limit is {limit / (1 << 20):g} MiB (deploy.memory)" if limit else "the machine has no more"
        return (f"it ran out of memory: {at}",)
    if state["Running"] and not state["Restarting"]:
        return ()
    said = f": {state['Error']}" if state.get("Error") else ""
    return (f"it ended with status {state['ExitCode']}{said}",)


def ran_out_of_memory(found: Found) -> bool:
    """Whether the kernel ended it, or a process in it, because of its memory."""
    state = found.attrs["State"]
    return bool(state["OOMKilled"]) or (state["ExitCode"] == _KILLED and _was_told(found))


def _was_told(found: Found) -> bool:
    """The flag is cleared when the engine starts it again; what happened is not."""
    facts: dict[str, Any] = {"container": found.id, "event": "oom"}
    return any(True for _ in found.client.events(since=0, until=int(time.time()) + 1, filters=facts, decode=True))


def _phase(state: dict[str, Any], ready: bool) -> str:
    if ready:
        return "ready"
    if state["Restarting"]:
        return "waiting"
    return "starting" if state["Running"] else "gone"
