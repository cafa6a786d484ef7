"""What is known of an image, beside it: ``image.json`` in a package, and in the site's folder of a deployment."""

from __future__ import annotations

from pathlib import Path

import msgspec

from legion_ci.core.errors import OrderError, ToolError
from legion_ci.core.files import write_atomic
from legion_ci.results import Image

FILE, LAYOUT = "image.json", "layout"


def write(folder: Path, image: Image) -> None:
    """Keep it in a folder; the same image has the same bytes."""
    write_atomic(folder / FILE, msgspec.json.format(msgspec.json.encode(image), indent=2))


def read(folder: Path) -> Image:
    """What a folder keeps; raises OrderError when it keeps no image, ToolError when that cannot be read."""
    path = folder / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Image)
    except FileNotFoundError as error:
        raise OrderError(
            "the package holds no image", where=str(folder), todo="say package: {use: docker-rest} and package again"
        ) from error
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ToolError(f"cannot be read ({error})", where=str(path), todo="deploy that model again") from error
