"""Reads a request's body as a JSON object, and says of any other what it is."""

from __future__ import annotations

from typing import Any

import msgspec

from legion_ci.serving import cells
from legion_ci.serving.problems import refused


def json_object(body: bytes) -> dict[str, Any]:
    """The object; raises Refused when the body is anything else."""
    if not body.strip():
        raise refused(400, "body", "is empty; please provide data as JSON")
    try:
        told = msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise refused(400, "body", f"is not UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise refused(400, "body", "is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise refused(400, "body", f"is not JSON ({str(error)[:200]})") from None
    if not isinstance(told, dict):
        raise refused(400, "body", f"must be an object, not {cells.called(told)}")
    return told
